# What can be imported from `gluon_perceptual`: __init__.py reads it here, and so do type checkers and editors.

from .checkpoint.loading import LoadReport as LoadReport
from .checkpoint.loading import load_parameters as load_parameters
from .checkpoint.model import load_model as load_model
from .checkpoint.model import save_model as save_model
from .checkpoint.spec import ModelSpec as ModelSpec
from .errors import ImageError as ImageError
from .errors import MissingDependencyError as MissingDependencyError
from .errors import ParamsFormatError as ParamsFormatError
from .errors import UserError as UserError
from .evaluation import metrics as metrics
from .evaluation.metrics import psnr as psnr
from .evaluation.metrics import ssim as ssim
from .formats.mxnet_params import read_params as read_params
from .formats.mxnet_params import write_params as write_params
from .image import histogram as histogram
from .image import resize as resize
from .image.histogram import histogram_match as histogram_match
from .image.histogram import match_images as match_images
from .image.io import read_picture as read_picture
from .image.io import read_rgb as read_rgb
from .image.io import write_picture as write_picture
from .image.resize import imresize as imresize
from .image.size import Size as Size
from .inference.model import Model as Model
from .inference.model import open_model as open_model
from .inference.stylizer import Stylizer as Stylizer
from .inference.upscaler import Upscaler as Upscaler
from .losses.perceptual import PerceptualLoss as PerceptualLoss
from .losses.terms import FeatureLoss as FeatureLoss
from .losses.terms import GridLoss as GridLoss
from .losses.terms import PixelLoss as PixelLoss
from .losses.terms import RangeLoss as RangeLoss
from .losses.terms import StabilityLoss as StabilityLoss
from .losses.terms import StyleLoss as StyleLoss
from .losses.terms import TotalVariationLoss as TotalVariationLoss
from .losses.terms import WaveLoss as WaveLoss
from .nets.plsr import PlsrNet as PlsrNet
from .nets.precision import computing_in as computing_in
from .nets.style import StyleNet as StyleNet
from .nets.super_resolution import SuperResolutionNet as SuperResolutionNet
from .nets.vgg import LossNetwork as LossNetwork

__version__: str

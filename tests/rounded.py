"""bfloat16 on processors that have none: each array rounded, and computed with in float32."""

from gluon_perceptual.nets.precision import BFloat16


class Rounded(BFloat16):
    """What enters and leaves a convolution, or a sum of feature maps, is rounded to bfloat16 but stays float32."""

    def narrow(self, F, x):
        return F.amp_cast(super().narrow(F, x), dtype="float32")

    def widen(self, F, x):
        return x

    def convolution(self, F, *inputs, **settings):
        return self.narrow(F, super().convolution(F, *inputs, **settings))

    def add(self, F, a, b):
        return self.narrow(F, super().add(F, a, b))

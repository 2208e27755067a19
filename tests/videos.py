"""Videos and animated pictures for tests."""

from fractions import Fraction

import av
import cv2
import numpy as np
from PIL import Image

TIMES = [0, 40, 80, 200, 240, 300]  # of a rate that varies, in milliseconds


def picture(number, height=32, width=48):
    """Smooth colors that differ from frame to frame."""
    coarse = np.random.default_rng(number).uniform(0, 255, (3, 4, 3))
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def make_video(path, times=TIMES, height=32, width=48, sound=None, pixels="yuv420p", tags=(1, 1, 1, 1), aspect=1):
    """Write frames that are shown at `times`, in milliseconds, and a second of sound."""
    codec = {".webm": "libvpx-vp9", ".avi": "mjpeg"}.get(path.suffix, "libx264")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"crf": "1"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p" if codec == "mjpeg" else pixels
        context = stream.codec_context
        context.thread_count = 1  # the same file on any machine
        unit = Fraction(1, 25) if codec == "mjpeg" else Fraction(1, 1000)
        context.time_base = stream.time_base = unit
        context.sample_aspect_ratio = Fraction(aspect)
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = tags
        spoken = add_sound(container, sound) if sound else None
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, height, width), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt, dst_colorspace="ITU709")
            frame.pts, frame.time_base = round(Fraction(time, 1000) / unit), unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if spoken:
            container.mux(speak(spoken))
    return path


def add_sound(container, codec):
    stream = container.add_stream(codec, rate=48000)
    stream.layout = "mono"
    return stream


def speak(stream, count=48000):
    kind = stream.codec_context.codec.audio_formats[0].name
    tone = np.sin(np.arange(count) / 20).astype(np.float32)[np.newaxis] / 4
    wave = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
    wave.rate, wave.pts = 48000, 0
    resampler = av.AudioResampler(kind, "mono", 48000, stream.codec_context.frame_size or None)
    stream.format = kind
    return [packet for part in (*resampler.resample(wave), None) for packet in stream.encode(part)]


def make_animation(path, durations=(100, 150, 70), **options):
    frames = [Image.fromarray(np.dstack([picture(k), np.full((32, 48), 255, np.uint8)])) for k in range(len(durations))]
    for frame in frames:
        frame.paste((0, 0, 0, 0), (0, 0, 8, 8))
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=list(durations), disposal=2, **options)
    return path

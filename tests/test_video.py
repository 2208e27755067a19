"""Videos and animated pictures: what comes out is as what went in."""

import re
import struct
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from cli import assert_one_line_error, run, start
from helpers import saved
from PIL import Image
from videos import TIMES, add_sound, make_animation, make_video, picture, speak

from benchmarks.clips import write_film
from gluon_perceptual.checkpoint.spec import ModelSpec
from gluon_perceptual.errors import ImageError, UserError
from gluon_perceptual.image.containers.decoding import upright
from gluon_perceptual.image.io import Picture, over_white, read_picture
from gluon_perceptual.video import convert_video, first_frame, matroska, open_video, survey
from gluon_perceptual.video.animation import is_animation
from gluon_perceptual.video.colors import BT601
from gluon_perceptual.video.containers import packets_of
from gluon_perceptual.video.encoding import Encoding
from gluon_perceptual.video.formats import WRITTEN
from gluon_perceptual.video.frames import Frame
from gluon_perceptual.video.pipeline import ahead
from gluon_perceptual.video.survey import orientation_by

SOUNDS = {".mp4": "aac", ".mov": "aac", ".mkv": "flac", ".webm": "libopus"}


def seen(path):
    """(Traits, frames, times in milliseconds) of a file."""
    with open_video(path) as video:
        frames = [item for item in video if isinstance(item, Frame)]
        return (
            video.traits,
            [frame.picture for frame in frames],
            [round(1000 * video.traits.seconds(frame.start)) for frame in frames],
        )


def convert(source, target, work=lambda picture, progress: picture, **options):
    with open_video(source) as video:
        done = convert_video(video, target, work, **options)
        return done, video.faults


def sound_of(path):
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [bytes(packet) for packet in packets], [float(packet.pts * packet.time_base) for packet in packets]


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".avi"])
def test_the_first_frame_alone_is_read(tmp_path, suffix, monkeypatch):
    source = make_video(tmp_path / f"in{suffix}", range(0, 2000, 40), sound=SOUNDS.get(suffix))
    expected, asked = seen(source)[1][0].color, []
    monkeypatch.setattr(
        survey, "packets_of", lambda *given: (asked.append(each) or each for each in packets_of(*given))
    )
    np.testing.assert_array_equal(first_frame(source).color, expected)
    assert 0 < len(asked) < 50


def test_a_few_frames_in_hours(tmp_path):
    times = [0, 10**6, 5 * 10**6]
    source = make_video(tmp_path / "in.mp4", times)
    assert convert(source, tmp_path / "out.mp4") == (3, [])
    assert seen(tmp_path / "out.mp4")[2] == times


@pytest.mark.parametrize("suffix", [suffix for form in WRITTEN for suffix in form.suffixes])
def test_every_frame_keeps_its_time(tmp_path, suffix):
    source, target = make_video(tmp_path / "in.mkv"), tmp_path / f"out{suffix}"
    assert convert(source, target) == (len(TIMES), [])
    before, pictures, _ = seen(source)
    traits, results, times = seen(target)
    assert times == TIMES
    assert traits.seconds(traits.last_start + traits.last_duration) == pytest.approx(
        before.seconds(before.last_start + before.last_duration), abs=0.01
    )
    for old, new in zip(pictures, results):
        assert np.abs(old.color.astype(int) - new.color).mean() < 8


@pytest.mark.parametrize("suffix", SOUNDS)
def test_sound_is_the_same_packet_for_packet(tmp_path, suffix):
    source, target = make_video(tmp_path / f"in{suffix}", sound=SOUNDS[suffix]), tmp_path / f"out{suffix}"
    convert(source, target)
    before, after = sound_of(source), sound_of(target)
    assert len(before[0]) > 5
    assert before[0] == after[0]
    np.testing.assert_allclose(np.diff(before[1]), np.diff(after[1]), atol=2e-3)


def test_sound_of_an_unknown_kind_is_left_out(tmp_path, caplog):
    source = make_video(tmp_path / "in.mp4", sound="aac")
    source.write_bytes(source.read_bytes().replace(b"mp4a", b"apac").replace(b"esds", b"dapa"))
    assert convert(source, tmp_path / "out.mp4") == (len(TIMES), [])
    assert "in.mp4: audio of an unknown kind is left out (stream 1)" in caplog.text


def edits(data, place=0):
    """Yield where each edit list's first entry is, and its entries: milliseconds, start in the track's unit, rate."""
    while (place := data.find(b"elst", place) + 1) > 0:
        (count,) = struct.unpack_from(">I", data, place + 7)
        yield place + 11, [struct.unpack_from(">IiI", data, place + 11 + 12 * k) for k in range(count)]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_an_edit_list_leaves_out_the_beginning_and_the_end(tmp_path, suffix):
    whole, source, target = (tmp_path / name for name in ("whole.mp4", "in.mp4", f"out{suffix}"))
    data = bytearray(make_video(whole, range(0, 320, 40), sound="aac").read_bytes())
    place, ((length, start, rate),) = next(edits(data))
    assert length == 320
    unit = seen(whole)[0].time_base
    struct.pack_into(">IiI", data, place, 160, start + round(Fraction(80, 1000) / unit), rate)
    source.write_bytes(data)
    assert convert(source, target) == (4, [])
    _, results, times = seen(target)
    assert np.diff(times).tolist() == [40, 40, 40]
    assert sound_of(target)[0] == sound_of(source)[0]
    assert times[0] - 1000 * sound_of(target)[1][0] == pytest.approx(-1000 * sound_of(source)[1][0], abs=1)
    for result, expected in zip(results, seen(whole)[1][2:]):
        assert np.abs(result.color.astype(int) - expected.color).mean() < 4


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_an_edit_list_shows_the_first_frame_late(tmp_path, suffix):
    source, target = make_video(tmp_path / "in.mp4", range(120, 440, 40), sound="aac"), tmp_path / f"out{suffix}"
    assert next(edits(source.read_bytes()))[1][0][1] == -1  # nothing is shown at first
    assert convert(source, target) == (8, [])
    late = [seen(path)[2][0] - 1000 * sound_of(path)[1][0] for path in (source, target)]
    assert late[1] == pytest.approx(late[0], abs=1)
    assert np.diff(seen(target)[2]).tolist() == [40] * 7


def test_sound_that_the_target_does_not_hold(tmp_path):
    source = make_video(tmp_path / "in.mp4", sound="aac")
    with pytest.raises(ImageError, match=r"webm cannot hold aac audio; choose .mkv"):
        convert(source, tmp_path / "out.webm")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize(
    ("suffix", "codec", "count"),
    [*((".wmv", "wmav2", 48000 + 2048 * k) for k in range(4)), (".avi", "adpcm_ms", 48000)],
)
def test_sound_that_no_format_holds_becomes_flac(tmp_path, suffix, codec, count, caplog):
    source, target = tmp_path / f"in{suffix}", tmp_path / "out.mkv"
    make_video(tmp_path / "in.mkv", range(0, 1200, 40))
    with av.open(str(source), "w") as container, av.open(str(tmp_path / "in.mkv")) as frames:
        stream, spoken = container.add_stream("mpeg4", rate=25), add_sound(container, codec)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for number, frame in enumerate(frames.decode(video=0)):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux([*stream.encode(), *speak(spoken, count)])
    assert convert(source, target) == (30, [])
    assert f"out.mkv: sound is encoded anew, from {codec} to FLAC" in caplog.text
    before, after = (samples_of(path) for path in (source, target))
    assert abs(len(before) - count) < 4096
    assert len(after) >= len(before)
    np.testing.assert_allclose(after[: len(before)], before, atol=2e-4)
    with pytest.raises(ImageError, match=f"mp4 cannot hold {codec} audio; choose .mkv"):
        convert(source, tmp_path / "out.mp4")


def samples_of(path):
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", 48000)
        parts = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([part.to_ndarray().ravel() for part in parts])


@pytest.mark.parametrize(("pixels", "top"), [("rgba", 255), ("rgba64be", 65535)])
def test_transparent_pixels_of_a_video(tmp_path, pixels, top):
    source, colors = tmp_path / "in.mov", np.zeros((32, 48, 4), np.uint8)
    colors[:, :24] = (255, 0, 0, 0)
    colors[:, 24:] = (0, 128, 255, 255)
    with av.open(str(source), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, pixels
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(colors, "rgba").reformat(format=pixels)))
        container.mux(stream.encode())
    assert seen(source)[1][0].alpha[0, [0, 47]].tolist() == pytest.approx([0, top], rel=1e-4)
    convert(source, tmp_path / "out.mp4")
    white, blue = over_white(seen(tmp_path / "out.mp4")[1][0])[16, [8, 40]].astype(int)
    assert np.abs(white - 255).max() < 4
    assert np.abs(blue - [0, 128, 255]).max() < 12
    convert(source, tmp_path / "out.webp")
    assert seen(tmp_path / "out.webp")[1][0].alpha[0, [0, 47]].tolist() == [0, 255]


@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (6, 6, 6, 1), (1, 13, 1, 2), (9, 16, 9, 1)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_color_tags_are_kept_and_heeded(tmp_path, tags, suffix):
    source, target = make_video(tmp_path / f"in{suffix}", tags=tags), tmp_path / f"out{suffix}"
    convert(source, target)
    before, pictures, _ = seen(source)
    after, results, _ = seen(target)
    assert (before.colors.primaries, before.colors.transfer, before.colors.matrix) == tags[:3]
    assert before.colors.full == (tags[3] == 2)
    assert after.colors == before.colors
    assert np.abs(pictures[0].color.astype(int) - results[0].color).mean() < 4


def test_the_matrix_of_the_tag_makes_the_colors(tmp_path):
    made = picture(0)
    right, wrong = (
        seen(make_video(tmp_path / f"{matrix}.mp4", tags=(1, 1, matrix, 1)))[1][0].color for matrix in (1, BT601)
    )
    assert np.abs(right.astype(int) - made).mean() + 1 < np.abs(wrong.astype(int) - made).mean()


@pytest.mark.parametrize(
    ("suffix", "aspect", "width"), [(".mp4", Fraction(32, 27), 48), (".webm", 1, 57), (".gif", 1, 57)]
)
def test_pixels_that_are_not_square(tmp_path, suffix, aspect, width):
    convert(make_video(tmp_path / "in.mp4", aspect=Fraction(32, 27)), tmp_path / f"out{suffix}")
    traits, results, _ = seen(tmp_path / f"out{suffix}")
    assert traits.aspect == aspect
    assert results[0].color.shape == (32, width, 3)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".webp"])
def test_odd_sizes(tmp_path, suffix):
    source = make_video(tmp_path / "in.webm", height=33, width=49)
    convert(source, tmp_path / f"out{suffix}")
    assert seen(tmp_path / f"out{suffix}")[1][0].color.shape == (33, 49, 3)


def test_ten_bits(tmp_path):
    source = make_video(tmp_path / "in.mp4", pixels="yuv420p10le")
    convert(source, tmp_path / "out.mkv")
    traits, results, _ = seen(tmp_path / "out.mkv")
    assert traits.bits == 10
    assert results[0].color.dtype == np.uint16


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), [[1, 2], [3, 4]]),
        ((0, 1, -1, 0), [[3, 1], [4, 2]]),
        ((-1, 0, 0, -1), [[4, 3], [2, 1]]),
        ((0, -1, 1, 0), [[2, 4], [1, 3]]),
        ((-1, 0, 0, 1), [[2, 1], [4, 3]]),
        ((1, 0, 0, -1), [[3, 4], [1, 2]]),
        ((0, 1, 1, 0), [[1, 3], [2, 4]]),
        ((0, -1, -1, 0), [[4, 2], [3, 1]]),
    ],
)
def test_turned_and_mirrored(matrix, expected):
    np.testing.assert_array_equal(upright(np.array([[1, 2], [3, 4]]), orientation_by(*matrix)), expected)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("loop", [0, 3])
def test_animations_keep_durations_alpha_and_rounds(tmp_path, suffix, loop):
    kind = {".webp": {"lossless": True}, ".gif": {}, ".png": {}}[suffix]
    source, target = make_animation(tmp_path / f"in{suffix}", loop=loop, **kind), tmp_path / f"out{suffix}"
    assert is_animation(source)
    assert convert(source, target) == (3, [])
    before, pictures, times = seen(source)
    after, results, after_times = seen(target)
    assert (after.frames, after.plays, after_times, after.last_duration) == (
        3,
        before.plays,
        times,
        before.last_duration,
    )
    for old, new in zip(pictures, results):
        np.testing.assert_array_equal(old.alpha, new.alpha)
        assert np.abs(old.color.astype(int) - new.color)[8:].mean() < (12 if suffix == ".gif" else 0.01)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_the_limit_of_pixels_is_ours_not_pillows(tmp_path, suffix, monkeypatch):
    source = make_animation(tmp_path / f"in{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    assert is_animation(source)
    assert convert(source, tmp_path / f"out{suffix}") == (3, [])
    assert read_picture(source).color.shape == (32, 48, 3)
    assert Image.MAX_IMAGE_PIXELS == 20
    with pytest.raises(ImageError, match="48×32 pixels are more than 999"), open_video(source, 999):
        pass


def test_frames_of_a_gif_that_go_beyond_the_screen(tmp_path):
    source = make_animation(tmp_path / "in.gif")
    data = bytearray(source.read_bytes())
    second = data.index(b"," + bytes(4), data.index(b"," + bytes(4)) + 1)
    data[second + 1 : second + 5] = struct.pack("<HH", 8, 8)
    source.write_bytes(data)
    whole, moved, _ = seen(source)[1]
    assert whole.color.shape == moved.color.shape == (32, 48, 3)


def test_stills_and_others_are_no_animations(tmp_path):
    Image.fromarray(picture(0)).save(tmp_path / "still.gif")
    (tmp_path / "text.webp").write_text("text")
    assert not any(map(is_animation, [*tmp_path.iterdir(), tmp_path / "no.gif"]))


def test_a_still_end_lasts(tmp_path):
    convert(make_video(tmp_path / "in.mp4", [0, 100, 200]), tmp_path / "in.gif")
    frames = [*seen(tmp_path / "in.gif")[1], *[seen(tmp_path / "in.gif")[1][-1]] * 30]
    images = [Image.fromarray(frame.color) for frame in frames]
    images[0].save(tmp_path / "still.png", save_all=True, append_images=images[1:], duration=100)
    convert(tmp_path / "still.png", tmp_path / "out.webp")
    traits = seen(tmp_path / "out.webp")[0]
    assert traits.last_start + traits.last_duration == 3300


def test_fractions_of_a_millisecond_do_not_add_up(tmp_path):
    images = [Image.fromarray(picture(k)) for k in range(60)]
    images[0].save(tmp_path / "short.png", save_all=True, append_images=images[1:3], duration=0.3)
    assert convert(tmp_path / "short.png", tmp_path / "short.mp4") == (3, [])
    images[0].save(tmp_path / "in.png", save_all=True, append_images=images[1:], duration=1000 / 60)
    for suffix in (".png", ".mkv"):
        convert(tmp_path / "in.png", tmp_path / f"out{suffix}")
        traits, _, times = seen(tmp_path / f"out{suffix}")
        assert (times[:4], times[-1], float(traits.rate)) == ([0, 17, 33, 50], 983, pytest.approx(60, rel=0.01))


def test_short_times_of_a_gif_are_as_browsers_show_them(tmp_path):
    make_animation(tmp_path / "in.gif", durations=[10, 20, 10])
    convert(tmp_path / "in.gif", tmp_path / "out.gif")
    assert seen(tmp_path / "out.gif")[2] == [0, 100, 120]
    assert seen(tmp_path / "out.gif")[0].last_duration == 100


def test_a_moving_rectangle_leaves_transparent_pixels(tmp_path):
    images = [Image.new("RGBA", (48, 32)) for _ in range(4)]
    for k, image in enumerate(images):
        image.paste((200, 100, 0, 255), (4 * k, 8, 4 * k + 8, 16))
    images[0].save(tmp_path / "in.png", save_all=True, append_images=images[1:], duration=100)
    convert(tmp_path / "in.png", tmp_path / "out.webp")
    for old, new in zip(seen(tmp_path / "in.png")[1], seen(tmp_path / "out.webp")[1]):
        np.testing.assert_array_equal(new.alpha, old.alpha)


def test_a_gif_leaves_out_what_players_cannot_show(tmp_path):
    convert(make_video(tmp_path / "in.mp4", times=range(0, 80, 5)), tmp_path / "out.gif")
    assert seen(tmp_path / "out.gif")[2] == [0, 20, 40, 60]


def test_the_frame_that_fails_is_named_and_nothing_is_left(tmp_path):
    def work(frame, progress):
        if frame.color.std() == deviations[3]:
            raise UserError("no such luck")
        return frame

    source = make_video(tmp_path / "in.mp4")
    deviations = [frame.color.std() for frame in seen(source)[1]]
    with pytest.raises(ImageError, match=r"in\.mp4: frame 4 at 0\.20 s: no such luck"):
        convert(source, tmp_path / "out.mp4", work)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_results_of_another_size_than_the_first(tmp_path):
    shapes = iter([(32, 48, 3), (30, 48, 3)])
    with pytest.raises(ImageError, match=r"out\.mp4: frame 2: the result is 48×30, earlier ones are 48×32"):
        convert(
            make_video(tmp_path / "in.mp4", [0, 40]),
            tmp_path / "out.mp4",
            lambda frame, progress: Picture(np.zeros(next(shapes), np.uint8)),
        )


def test_progress_goes_to_the_end(tmp_path):
    shares = []
    convert(make_video(tmp_path / "in.mp4"), tmp_path / "out.mkv", progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) == len(TIMES)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    "playlist",
    [
        b"#EXTM3U\n#EXTINF:1,\nin.mp4\n",
        b"ffconcat version 1.0\nfile in.mp4\n",
        b"#EXTM3U\n#EXTINF:1,\nhttp://[::1]/x\n",
    ],
)
def test_playlists_are_refused(tmp_path, playlist):
    make_video(tmp_path / "in.mp4")
    (tmp_path / "list.mp4").write_bytes(playlist)
    with pytest.raises(ImageError, match=r"list\.mp4: not a readable video"), open_video(tmp_path / "list.mp4"):
        pass


def test_a_video_without_picture(tmp_path):
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = add_sound(container, "flac")
        container.mux(speak(stream))
    with pytest.raises(ImageError, match="it has no video stream"), open_video(tmp_path / "sound.mkv"):
        pass


def test_threads_end_with_what_they_feed():
    before = threading.active_count()
    endless = ahead(number for number in iter(int, 1))
    assert next(endless) == 0
    endless.close()
    assert threading.active_count() == before


def test_what_a_thread_raises_is_raised():
    def items():
        yield 1
        raise ImageError("of the thread")

    with pytest.raises(ImageError, match="of the thread"):
        list(ahead(items()))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("style") / "style.params", ModelSpec("StyleNet", {"width": 4}))


def test_a_video_and_an_animation_by_command(checkpoint, tmp_path):
    video, gif = make_video(tmp_path / "a.mp4", sound="aac"), make_animation(tmp_path / "b.gif")
    status, stdout, stderr = run("stylize", video, gif, "-o", tmp_path / "out", "--model", checkpoint)
    assert status == 0, stderr
    assert len(stdout.splitlines()) == 2
    assert "2 of 2 videos are done" in stderr
    assert seen(tmp_path / "out/a.mp4")[2] == TIMES
    assert sound_of(video)[0] == sound_of(tmp_path / "out/a.mp4")[0]
    assert seen(tmp_path / "out/b.gif")[0].frames == 3


def test_an_animation_becomes_a_video(checkpoint, tmp_path):
    gif = make_animation(tmp_path / "b.gif")
    options = ("--model", checkpoint, "--no-temporal", "--crf", 30)
    assert run("stylize", gif, "-o", tmp_path / "b.mp4", *options)[0] == 0
    assert seen(tmp_path / "b.mp4")[2] == [0, 100, 250]


def test_upscaled(tmp_path):
    source = make_video(tmp_path / "a.avi", times=range(0, 200, 40))
    assert run("upscale", source, "--model", "sr_x2_pixel")[0] == 0
    _, results, times = seen(tmp_path / "a_x2.mkv")
    assert results[0].color.shape == (64, 96, 3)
    assert times == [0, 40, 80, 120, 160]


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".webm"])
def test_a_video_that_ends_in_the_middle(checkpoint, tmp_path, suffix):
    """With one thread, FFmpeg refuses the frame that is cut, too, which is told first."""
    source = make_video(tmp_path / f"in{suffix}", range(0, 800, 40))
    data = source.read_bytes()
    source.write_bytes(data[: 3 * len(data) // 4])
    result = run("stylize", source, "-o", tmp_path / "out.mkv", "--model", checkpoint)
    assert_one_line_error(result, f"in{suffix}: ", "it ends at", "out.mkv holds the rest")
    assert 0 < len(seen(tmp_path / "out.mkv")[1]) < 20


def of_unknown_size(data, *elements):
    """Matroska elements with all bits of their sizes set."""
    for element in elements:
        for place in [found.end() for found in re.finditer(re.escape(element), data)]:
            length = 9 - data[place].bit_length()
            data = data[:place] + (2 ** (7 * length + 1) - 1).to_bytes(length, "big") + data[place + length :]
    return data


@pytest.mark.parametrize("unknown", [[], [matroska.SEGMENT], [matroska.SEGMENT, matroska.CLUSTER]])
@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_a_matroska_file_is_cut_off_by_the_sizes_of_its_elements(tmp_path, suffix, unknown):
    """Without the tag of its duration; a live recording, of unknown size, is whole wherever it ends."""
    source = make_video(tmp_path / f"in{suffix}", range(0, 320, 40))
    data = of_unknown_size(source.read_bytes().replace(b"DURATION", b"SOME_TAG"), *unknown)
    for whole in (data, data + bytes(99), data + b"some text"):
        source.write_bytes(whole)
        assert convert(source, tmp_path / "out.mkv") == (8, [])
    source.write_bytes(data[: len(data) // 2])
    done, (fault,) = convert(source, tmp_path / "out.mkv")
    assert 0 < done < 8
    assert fault.startswith(f"it is cut off: {len(data) // 2:,} of at least")


def test_sound_that_is_longer_than_a_few_frames(tmp_path):
    source = make_video(tmp_path / "in.mkv", (0, 40, 80), sound="flac")
    assert convert(source, tmp_path / "out.mkv") == (3, [])


def test_damaged_frames_are_counted(tmp_path):
    source = make_video(tmp_path / "in.avi", range(0, 800, 40))
    with av.open(str(source)) as container:
        frames = [bytes(packet) for packet in container.demux(video=0)]
    data = source.read_bytes()
    for number in (5, 6, 12):
        data = data.replace(frames[number], bytes(len(frames[number])))
    source.write_bytes(data)
    done, (fault,) = convert(source, tmp_path / "out.mkv")
    assert done == 17
    assert fault.startswith("damaged frames left out: 3 of 20, the first near 0.")


@pytest.mark.parametrize(("name", "content"), [("no.mp4", None), ("text.mp4", b"no video"), ("empty.mp4", b"")])
def test_no_video(checkpoint, tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = run("stylize", tmp_path / name, "-o", tmp_path / "out.mp4", "--model", checkpoint)
    assert_one_line_error(result, name)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("suffix", [".webm", ".webp"])
def test_what_cannot_begin_leaves_no_file_open(tmp_path, monkeypatch, suffix):
    source, damaged = make_animation(tmp_path / "in.gif"), tmp_path / "damaged.gif"
    damaged.write_bytes(source.read_bytes()[:-400])
    monkeypatch.setattr(Encoding, "pixel_format", "nv16")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ImageError, match="frame 1: FFmpeg cannot write") as writing:
        convert(source, tmp_path / f"out{suffix}")
    with pytest.raises(ImageError, match=r"damaged\.gif") as reading:
        convert(damaged, tmp_path / f"out{suffix}")
    assert len(list(Path("/proc/self/fd").iterdir())) == before, (writing, reading)  # kept by their tracebacks


def test_a_kind_of_video_that_is_not_written(checkpoint, tmp_path):
    source = make_video(tmp_path / "in.mp4", [0])
    result = run("stylize", source, "-o", tmp_path / "out.avi", "--model", checkpoint)
    assert_one_line_error(result, "unknown video suffix '.avi'; expected one of .mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif", ".webp"])
def test_a_full_disk(checkpoint, tmp_path, suffix):
    source, log = make_video(tmp_path / "in.mp4", range(0, 800, 40)), tmp_path / "log"
    process = start(log, "stylize", source, "-o", tmp_path / f"out{suffix}", "--model", checkpoint, file_size=4000)
    process.join()
    assert process.exitcode == 1
    assert f"out{suffix}: File too large" in log.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "log"]


def test_an_input_is_not_overwritten(checkpoint, tmp_path):
    source = make_video(tmp_path / "in.mp4")
    data = source.read_bytes()
    result = run("stylize", source, "-o", source, "--model", checkpoint)
    assert_one_line_error(result, "in.mp4 is an input")
    assert source.read_bytes() == data


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take no such names")
def test_a_name_that_is_not_utf_8(checkpoint, tmp_path):
    source = make_video(tmp_path / "in.mp4").rename(tmp_path / "caf\udce9.mp4")
    assert run("stylize", source, "-o", tmp_path / "out.mp4", "--model", checkpoint)[0] == 0
    assert seen(tmp_path / "out.mp4")[2] == TIMES


def test_benchmarks_measure_on_films_of_their_own(tmp_path):
    write_film(tmp_path / "film.mp4", (np.full((32, 48, 3), 40 * k, np.uint8) for k in range(3)), 3)
    traits, frames, times = seen(tmp_path / "film.mp4")
    assert (traits.rate, times) == (25, [0, 40, 80])
    assert [round(float(frame.color.mean()), -1) for frame in frames] == [0, 40, 80]

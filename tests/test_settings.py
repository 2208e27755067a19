"""Settings are declared once: options, their help, config.json and a recipe's command line follow from that."""

import json
from dataclasses import asdict

import click
import pytest
from cli import run

from gluon_perceptual.commands._settings import given, options_for, settings_options
from gluon_perceptual.errors import UserError
from gluon_perceptual.training.config import MACHINE
from gluon_perceptual.training.settings import Setting, settings_of
from gluon_perceptual.training.style_config import StyleConfig
from gluon_perceptual.training.super_resolution_config import SuperResolutionConfig

CONFIGS = [SuperResolutionConfig, StyleConfig]


def parsed(config, words):
    """The settings that a command takes from these words."""
    found = {}

    @click.command()
    @settings_options(config)
    @click.pass_context
    def command(context, /, **options):
        found.update(given(context, config))

    command.main(words, standalone_mode=False)
    return found


@pytest.mark.parametrize("config", CONFIGS)
def test_every_setting_is_an_option_that_nobody_has_to_give(config):
    assert parsed(config, []) == {}
    assert {name for name, setting in settings_of(config).items() if not setting.is_option} <= {"style"}


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        (SuperResolutionConfig, {"scale": 4, "loss": "pixel", "lowpass": None, "beta2": 0.9, "data": "/photos"}),
        (SuperResolutionConfig, {"arch": "paper", "learning_rate": 3e-4, "feature_layer": "relu3_3"}),
        (SuperResolutionConfig, {"arch": "blog", "tv": 0.5, "precision": "bfloat16", "start_from": "sr_x2_pixel"}),
        (StyleConfig, {"style_layers": ("relu1_2", "relu2_2"), "blend": (1.0, 0.5), "match_color": True}),
        (StyleConfig, {"optimizer": "adam", "learning_rate": 5e-4}),
        (SuperResolutionConfig, {"optimizer": "soap", "beta2": 0.95}),
        (StyleConfig, {"arch": "paper", "norm": "instance", "style_balance": "norm", "flat": 0.2}),
    ],
)
def test_the_options_for_a_config_give_it_again(config, changed):
    wanted = config.from_architecture(**changed)
    values = json.loads(json.dumps(asdict(wanted)))  # as in config.json
    words = " ".join(options_for(config, values)).split()
    again = asdict(config.from_architecture(**parsed(config, words)))
    again["data"] = again["data"] and "/" + again["data"].rpartition("/")[2]
    assert again == asdict(wanted)


def test_an_optimizer_has_its_own_rates():
    def rates(config):
        return config.optimizer, config.learning_rate, config.beta2

    assert rates(StyleConfig()) == rates(StyleConfig.from_architecture()) == ("soap", 1e-2, 0.99)
    assert (
        rates(StyleConfig(optimizer="adam")) == rates(StyleConfig.from_architecture("paper")) == ("adam", 1e-3, 0.999)
    )
    assert rates(StyleConfig.from_architecture("paper", optimizer="soap", beta2=0.9)) == ("soap", 1e-2, 0.9)
    assert rates(SuperResolutionConfig.from_architecture("blog")) == ("adam", 1e-5, 0.99)
    with pytest.raises(UserError, match="`optimizer` 'sgd': expected one of adam, soap"):
        StyleConfig.from_architecture(optimizer="sgd")


def test_a_recipe_says_nothing_of_the_machine():
    values = asdict(SuperResolutionConfig(cpus=2, workers=7, gpus="0"))
    assert not [option for option in options_for(SuperResolutionConfig, values) if option[2:].split()[0] in MACHINE]


def test_the_help_shows_every_default_and_whose_it_is():
    for command, texts in (
        ("train-sr", ["default: 64", "(144; paper: 288)", "(cosine; paper: constant; blog: constant)", "0.4 for ×2"]),
        ("train-style", ["(linear; paper: tanh)", "(soap; paper: adam)", "adam: 0.001, soap: 0.01", "default: 2000"]),
        ("train-style", ["(instance; paper: batch)", "[linear|paper]"]),
    ):
        status, out, _ = run(command, "--help")
        words = " ".join(out.split())
        assert status == 0
        assert [text for text in texts if text not in words] == []


@pytest.mark.parametrize(
    ("config", "wrong", "message"),
    [
        (SuperResolutionConfig, {"scale": 3}, "`scale` 3: expected one of 1, 2, 4, 8"),
        (SuperResolutionConfig, {"arch": "best"}, "`arch` 'best': expected one of skip, paper, blog"),
        (SuperResolutionConfig, {"loss": "most"}, "`loss` 'most': expected one of pixel, feature, mix"),
        (SuperResolutionConfig, {"width": 0}, "`width` 0: expected a whole number between 1 and 1024"),
        (SuperResolutionConfig, {"learning_rate": 0.0}, "`learning_rate` 0.0: expected a number above 0"),
        (StyleConfig, {"steps": 1.5}, "`steps` 1.5: expected a whole number"),
        (StyleConfig, {"blend": (1.0, float("inf"))}, "`blend`"),
        (StyleConfig, {"match_color": 1}, "`match_color` 1: expected true or false"),
    ],
)
def test_a_wrong_setting_is_named_as_the_argument(config, wrong, message):
    with pytest.raises(UserError) as error:
        config.from_architecture(**wrong)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("config", [SuperResolutionConfig, StyleConfig])
def test_no_architecture_is_the_default_one(config):
    assert config.from_architecture() == config.from_architecture(None) == config.from_architecture(config.arch)


def test_open_limits_exclude_themselves():
    setting = Setting("A share.", kind=float, least=0, most=1, is_open=True)
    assert [bool(setting.wrong(value)) for value in (0, 0.5, 1, float("nan"), True, "0.5")] == [1, 0, 1, 1, 1, 1]

"""Prompt wordings (PAPER table 7): the same redirection, asked for in five ways."""

from gazeheads import prompts
from gazeheads.experiments.redirect import VQA
from gazeheads.experiments.sweep import Sweep

WORDINGS = Sweep("wordings", VQA, {prompt: {"prompt": prompt} for prompt in prompts.VQA_WORDINGS})

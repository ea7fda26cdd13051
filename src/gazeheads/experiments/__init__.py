"""What is asked, of whom, under which conditions: experiments yield trials; `run` and `judge` are the only loops.

An experiment is a frozen dataclass with a prompt, a budget and `trials(sample)`. It knows neither models nor judges.
"""

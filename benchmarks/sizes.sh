#!/usr/bin/env bash
# A smaller Doodle-VL beside the bundled one: `benchmarks/sizes.sh [FOLDER]`, after benchmarks/evidence.sh on the same folder.
#
# 4 layers x 6 heads, width 96, 1.8 million parameters, not shipped. Training takes about half an hour of one core:
# the curriculum up to six panels, then everything (without the stages that find panels by content).
set -euo pipefail
OUT=${1:-evidence}
SHAPE="num_hidden_layers=4 num_attention_heads=6 num_key_value_heads=3 hidden_size=96 intermediate_size=256"
MODEL=$OUT/doodle-vl-small
HEADS=$OUT/small.json

if [ ! -e "$MODEL" ]; then
  # The first run goes on to stages that are not wanted here: stop it (Ctrl-C) once stage-4.pt is there.
  [ -e "$OUT/train/stage-4.pt" ] || python -m gazeheads.doodle.train --out "$OUT/train" --steps 2000 --shape $SHAPE
  mkdir -p "$OUT/train2" && cp -r "$OUT/train/tokenizer" "$OUT/train2/"
  python -m gazeheads.doodle.train --out "$OUT/train2" --start-from "$OUT/train/stage-4.pt" --stage 7 --steps 1500 --shape $SHAPE
  python -m gazeheads.doodle.export "$OUT/train2/step-001500.pt" "$MODEL" --shape $SHAPE
fi
if [ ! -e "$HEADS" ]; then
  gazeheads discover --model "$MODEL" --data doodles:24:dev --seed 101 --out "$OUT/found-small.json"
  gazeheads tune --model "$MODEL" --heads "$OUT/found-small.json" --data doodles:16:dev --seed 202 --out "$HEADS"
fi
ask() { # NAME EXPERIMENT OPTIONS...
  gazeheads run "$2" --model "$MODEL" --heads "$HEADS" --data doodles:40:test --seed 7000 --out "$OUT/$1" "${@:3}"
  gazeheads judge "$OUT/$1" --judge rules
}
ask small-vqa vqa --conditions none,gaze,controls:10,controls:20:band,selectivity,image-heads,all,prompt
ask small-k-sweep k-sweep --conditions none,gaze
ask small-collapse collapse --conditions none,gaze

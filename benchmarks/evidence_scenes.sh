#!/usr/bin/env bash
# Things in scenes, on the bundled model: redirection by size (the paper's table 1), and what the gaze tells of places:
# `benchmarks/evidence_scenes.sh FOLDER`, after `benchmarks/evidence.sh FOLDER`, whose heads file it takes.
#
# Stopped, it goes on where it was. Heads by gaze score were found on strips; those that follow speech are found on
# scenes dev seed 101. Thresholds of boxes: scenes dev seed 5. Reports: scenes test seed 7000.
set -euo pipefail
OUT=${1:-evidence}
HEADS=$OUT/heads.json
SCENES=$OUT/heads-scenes.json
FOLLOW=$OUT/heads-follow.json # in which the gaze heads are those that follow: their control draws are made beside them
TEST="--data scenes:60:test --seed 7000"
SETS=gaze,follow,image-heads,localization-heads@20

mkdir -p "$OUT"
K=$(gazeheads heads "$HEADS" --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["selected"]))')
[ -e "$FOLLOW" ] || gazeheads discover --score follow --heads "$HEADS" --data scenes:40:dev --seed 101 --as-gaze --out "$FOLLOW"
[ -e "$SCENES" ] || gazeheads discover --score follow --heads "$HEADS" --data scenes:40:dev --seed 101 --out "$SCENES"

ask() { # NAME EXPERIMENT OPTIONS...: answers into a folder of this name, then verdicts
  gazeheads run "$2" --out "$OUT/$1" $TEST "${@:3}"
  gazeheads judge "$OUT/$1" --judge names
}

ask boxes boxes --heads "$SCENES" --conditions "none,$SETS,controls:20,wrong-region:3,all,prompt,crop,marker"
ask boxes-follow boxes --heads "$FOLLOW" --top "$K" --conditions none,gaze,controls:20,controls:5:mass-matched,wrong-region:3
ask boxes-31 boxes --heads "$SCENES" --top 31 --conditions none,gaze,follow,controls:20
ask masks masks --heads "$SCENES" --conditions none,gaze,follow,controls:3
gazeheads ground --heads "$FOLLOW" --top "$K" $TEST --dev scenes:40:dev --dev-seed 5 --conditions gaze,controls:20 \
  --out "$OUT/ground-follow.json"
for weighting in raw value-norm; do
  gazeheads ground --heads "$SCENES" $TEST --dev scenes:40:dev --dev-seed 5 --weighting "$weighting" \
    --conditions "$SETS,gaze@3,follow@3,localization-heads@3,controls:20,all" --out "$OUT/ground-${weighting/value-norm/values}.json"
done
gazeheads report "$OUT"/{boxes,boxes-follow,boxes-31,masks} --out "$OUT/report-scenes"

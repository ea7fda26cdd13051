#!/usr/bin/env bash
# The evidence on the bundled model, from the ranking of its heads to the report: `benchmarks/evidence.sh [FOLDER]`.
#
# Stopped, it goes on where it was. The bundled heads file is causal.json of this script. Strips: discovery and causal scores dev seed 101, tuning dev seed
# 202, report test seed 7000, which served for nothing before.
set -euo pipefail
OUT=${1:-evidence}
HEADS=$OUT/heads.json
CAUSAL=$OUT/causal.json
ALL=controls:20,controls:5:band,controls:5:below-median,controls:1:lowest,controls:5:mass-matched,wrong-region:5
OTHERS=image-heads,localization-heads,selectivity,norm-weighted
BASELINES=none,all,prompt,panel-query,crop,marker
FEW=gaze@8,controls:20@8,controls:5:band@8,controls:5:bottom5@4,gaze@4,image-heads@8,localization-heads@8,selectivity@8,norm-weighted@8
MAIN="--heads $HEADS --data doodles:200:test --seed 7000"
SMALL="--heads $CAUSAL --data doodles:40:test --seed 7000"

mkdir -p "$OUT"
if [ ! -e "$CAUSAL" ]; then # causal scores are dear: they come in a file of their own
  gazeheads discover --data doodles:24:dev --seed 101 --out "$OUT/found.json"
  gazeheads tune --heads "$OUT/found.json" --data doodles:16:dev --seed 202 --out "$HEADS"
  gazeheads discover --score causal --heads "$OUT/found.json" --data doodles:16:dev --seed 101 --out "$OUT/found-causal.json"
  gazeheads tune --heads "$OUT/found-causal.json" --data doodles:16:dev --seed 202 --out "$CAUSAL"
fi

ask() { # NAME EXPERIMENT OPTIONS...: answers into a folder of this name, then verdicts
  gazeheads run "$2" --out "$OUT/$1" "${@:3}"
  gazeheads judge "$OUT/$1" --judge rules
}

ask vqa vqa $MAIN --conditions "$BASELINES,gaze,$OTHERS,$ALL,$FEW"
ask this-panel this-panel $MAIN --conditions "$BASELINES,gaze,$OTHERS,$ALL"
for asked in vqa this-panel; do
  ask "$asked-causal" "$asked" --heads "$CAUSAL" --data doodles:200:test --seed 7000 --conditions none,gaze,causal,gaze@8,causal@8
done
ask k-sweep k-sweep $SMALL --conditions none,gaze,image-heads,selectivity,norm-weighted,causal,controls:3
ask collapse collapse $SMALL --conditions none,gaze,image-heads,selectivity,causal
ask push-sweep push-sweep $SMALL --conditions none,gaze,controls:3
ask push-sweep-8 push-sweep $SMALL --conditions none,gaze@8,controls:3@8
ask scope scope $SMALL --conditions none,gaze,controls:3
ask wordings wordings $SMALL --conditions none,gaze,controls:3,all,prompt
ask layouts layouts --heads "$CAUSAL" --seed 7000 --conditions none,gaze,controls:3,all \
  --data "$(printf 'doodles:40:test:panels=%d+' 3 4 5 6 7 8)doodles:40:test:grid=2x3+doodles:40:test:grid=3x2"
ask tour tour $SMALL --conditions none,gaze,image-heads,selectivity,controls:3,all
ask tour-by-sentence tour-by-sentence $SMALL --conditions none,gaze,controls:3
ask free-narration free-narration $SMALL --conditions none,gaze,controls:3
gazeheads report "$OUT"/*/ --out "$OUT/report"

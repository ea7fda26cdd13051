"""Where samples come from: doodles, comics, COCO, the hub, and what other packages register. No torch."""

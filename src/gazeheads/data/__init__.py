"""Where pictures come from: procedural doodles here; comics, COCO and the hub beside them. No torch."""

"""How data sets are named (`sources` reads them), kind to form: all that the help of the command line needs."""

FORMS = {
    "doodles": "doodles:N[:SPLIT][:panels=P][:grid=RxC][:start=I]",
    "scenes": "scenes:N[:SPLIT][:start=I]",
    "comics": "comics:FOLDER[:layout=row|grid][:grid=RxC][:n=N][:start=I]",
    "comics-raw": "comics-raw:FOLDER:N[:panels=P][:layout=row|grid][:grid=RxC][:start=I]",
    "strip": "strip:PICTURE.png",
    "coco": "coco:FOLDER[:N][:start=I][:annotations=FILE][:images=FOLDER][:masks=yes]",
    "hub": "hub:NAME[:SPLIT][@REVISION][:N][:layout=row|grid][:grid=RxC][:start=I]",
}

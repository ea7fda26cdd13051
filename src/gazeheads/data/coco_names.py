"""What the 80 categories of COCO are called: each name with its synonyms, in the order of the data set.

Ours, written by hand for this package (Apache-2.0), from no other list: COCO's annotations give the names alone. A
phrase stands for one category. Plurals are formed by `plural`, but for those that are written out.
"""

from collections.abc import Mapping

_SAID = """
person: man, woman, boy, girl, child, kid, baby, toddler, lady, guy, gentleman, people, men, women, children, babies,
  human, adult, teenager, player, skier, snowboarder, skateboarder, surfer, rider, cyclist, pedestrian, batter, pitcher,
  catcher, umpire, baseball player, tennis player, soccer player, chef, waiter, bride, groom, mother, father
bicycle: bike, cycle
car: automobile, sedan, taxi, cab, suv, van, minivan, jeep
motorcycle: motorbike, scooter, moped
airplane: plane, aeroplane, aircraft, jet, airliner, jetliner
bus: double decker, double decker bus
train: locomotive, railway train, subway train, tram
truck: lorry, pickup, pickup truck, fire truck, fire engine, dump truck
boat: ship, sailboat, rowboat, canoe, kayak, ferry, yacht, motorboat
traffic light: stoplight, traffic signal, stop light, traffic lights
fire hydrant: hydrant
stop sign:
parking meter: meter
bench: park bench
bird: seagull, gull, pigeon, duck, goose, geese, swan, parrot, owl, eagle, hawk, crow, sparrow, heron, ostrich, rooster
cat: kitten, kitty
dog: puppy, hound, pup
horse: pony, foal, stallion, mare
sheep: lamb, ram, ewe
cow: bull, calf, cattle, ox, oxen, calves
elephant:
bear: grizzly, grizzly bear, polar bear, black bear, brown bear
zebra:
giraffe:
backpack: rucksack, knapsack, back pack
umbrella: parasol
handbag: purse, hand bag, tote, tote bag, bag
tie: necktie, bow tie, bowtie
suitcase: luggage, baggage, briefcase, travel bag
frisbee: flying disc
skis: ski
snowboard:
sports ball: ball, soccer ball, football, basketball, volleyball, tennis ball, baseball, softball
kite:
baseball bat: bat
baseball glove: glove, mitt, baseball mitt, catcher's mitt
skateboard: skate board
surfboard: surf board
tennis racket: racket, racquet, tennis racquet
bottle: wine bottle, water bottle, beer bottle
wine glass: wineglass, glass, glass of wine, goblet
cup: mug, coffee cup, coffee mug, teacup, paper cup
fork:
knife: knives
spoon: ladle
bowl:
banana:
apple:
sandwich: burger, hamburger, sub, panini
orange: tangerine, mandarin, clementine
broccoli:
carrot:
hot dog: hotdog, frankfurter
pizza: slice of pizza, pizza slice
donut: doughnut
cake: cupcake, birthday cake, slice of cake, cheesecake
chair: armchair, stool, recliner
couch: sofa, loveseat, settee
potted plant: plant, houseplant, house plant, flower pot, pot plant
bed: mattress, bunk bed
dining table: table, desk, kitchen table, coffee table
toilet: toilet bowl, urinal
tv: television, tv screen, television set, tv set, monitor, computer monitor, computer screen
laptop: laptop computer, notebook computer, macbook
mouse: computer mouse, mice
remote: remote control, wii remote, controller, game controller
keyboard: computer keyboard
cell phone: cellphone, phone, mobile phone, smartphone, iphone
microwave: microwave oven
oven: stove, stove top
toaster: toaster oven
sink: basin, washbasin, wash basin
refrigerator: fridge, freezer
book: notebook, textbook, novel
clock: clock face, clock tower
vase: flower vase
scissors: pair of scissors, shears
teddy bear: teddy, stuffed bear, stuffed animal, plush toy
hair drier: hair dryer, blow dryer, blow drier, hairdryer
toothbrush: tooth brush
"""


def plural(noun: str) -> str:
    """The regular plural of a phrase's last word: "teddy bears", "buses", "puppies"."""
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


def _read(text: str) -> dict[str, tuple[str, ...]]:
    lines = text.strip().replace(",\n  ", ", ").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {
        name: (name, *(word.strip() for word in words.split(",") if word.strip())) for name, _, words in pairs
    }


COCO: Mapping[str, tuple[str, ...]] = _read(_SAID)

# Phrases that name one kind of a category, and not its other kinds.
_KINDS = """
person: man, woman, boy, girl, child, kid, baby, toddler, lady, guy, gentleman, men, women, children, babies, adult,
  teenager, player, skier, snowboarder, skateboarder, surfer, rider, cyclist, pedestrian, batter, pitcher, catcher,
  umpire, baseball player, tennis player, soccer player, chef, waiter, bride, groom, mother, father
car: sedan, taxi, cab, suv, van, minivan, jeep
motorcycle: scooter, moped
airplane: jet, airliner, jetliner
train: locomotive, subway train, tram
truck: pickup, pickup truck, fire truck, fire engine, dump truck
boat: ship, sailboat, rowboat, canoe, kayak, ferry, yacht, motorboat
bird: seagull, gull, pigeon, duck, goose, geese, swan, parrot, owl, eagle, hawk, crow, sparrow, heron, ostrich, rooster
horse: pony, foal, stallion, mare
sheep: lamb, ram, ewe
cow: bull, cattle, calf, ox, oxen, calves
bear: grizzly, grizzly bear, polar bear, black bear, brown bear
handbag: tote, tote bag, bag
suitcase: briefcase, travel bag
sports ball: soccer ball, football, basketball, volleyball, tennis ball, baseball, softball
bottle: wine bottle, water bottle, beer bottle
cup: mug, coffee cup, coffee mug, teacup, paper cup
sandwich: burger, hamburger, sub, panini
orange: tangerine, mandarin, clementine
cake: cupcake, birthday cake, cheesecake
chair: armchair, stool, recliner
couch: loveseat
dining table: desk, coffee table, kitchen table
tv: monitor, computer monitor, computer screen
book: notebook, textbook, novel
"""
KINDS: Mapping[str, frozenset[str]] = {name: frozenset(said[1:]) for name, said in _read(_KINDS).items()}

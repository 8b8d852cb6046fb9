/// The nouns and names. No word here begins with a silent h or a spoken y, so the article follows the letter.
extension Lexicon {
  static let maleNames = [
    "Tom", "Ben", "Sam", "Max", "Paul", "Jack", "Leo", "David", "Peter", "Adam", "Oscar", "Henry",
  ]
  static let femaleNames = [
    "Anna", "Mary", "Lucy", "Emma", "Sarah", "Lily", "Kate", "Rose", "Julia", "Nina", "Alice", "Ella",
  ]

  static let nouns: [Noun] = personNouns + animalNouns + edibleNouns + thingNouns + placeNouns

  private static let personNouns: [Noun] = [
    Noun("boy", .person, gender: .male), Noun("man", .person, plural: "men", gender: .male),
    Noun("father", .person, gender: .male), Noun("brother", .person, gender: .male),
    Noun("uncle", .person, gender: .male), Noun("king", .person, gender: .male),
    Noun("grandfather", .person, gender: .male), Noun("prince", .person, gender: .male),
    Noun("girl", .person, gender: .female), Noun("woman", .person, plural: "women", gender: .female),
    Noun("mother", .person, gender: .female), Noun("sister", .person, gender: .female),
    Noun("aunt", .person, gender: .female), Noun("queen", .person, gender: .female),
    Noun("grandmother", .person, gender: .female), Noun("princess", .person, gender: .female),
    Noun("child", .person, plural: "children"), Noun("baby", .person), Noun("teacher", .person),
    Noun("doctor", .person), Noun("farmer", .person), Noun("baker", .person), Noun("friend", .person),
    Noun("nurse", .person), Noun("driver", .person), Noun("painter", .person), Noun("singer", .person),
    Noun("student", .person), Noun("neighbor", .person), Noun("artist", .person),
  ]

  private static let animalNouns: [Noun] = [
    Noun("dog", .animal), Noun("cat", .animal), Noun("horse", .animal), Noun("cow", .animal),
    Noun("pig", .animal), Noun("goat", .animal), Noun("rabbit", .animal),
    Noun("mouse", .animal, plural: "mice"), Noun("fox", .animal), Noun("bear", .animal),
    Noun("lion", .animal), Noun("monkey", .animal), Noun("elephant", .animal),
    Noun("wolf", .animal, plural: "wolves"), Noun("frog", .animal), Noun("puppy", .animal),
    Noun("kitten", .animal), Noun("tiger", .animal), Noun("goose", [.animal, .bird], plural: "geese"),
    Noun("duck", [.animal, .bird]), Noun("bird", [.animal, .bird]), Noun("owl", [.animal, .bird]),
  ]

  private static let edibleNouns: [Noun] = [
    Noun("apple", .food), Noun("cake", .food), Noun("cookie", .food), Noun("orange", .food),
    Noun("egg", .food), Noun("carrot", .food), Noun("banana", .food), Noun("potato", .food),
    Noun("sandwich", .food), Noun("pie", .food), Noun("tomato", .food), Noun("onion", .food),
    Noun("pear", .food), Noun("bread", .food, isMass: true), Noun("cheese", .food, isMass: true),
    Noun("rice", .food, isMass: true), Noun("water", .drink, isMass: true),
    Noun("milk", .drink, isMass: true), Noun("juice", .drink, isMass: true),
    Noun("tea", .drink, isMass: true),
  ]

  private static let thingNouns: [Noun] = [
    Noun("ball", .toy), Noun("doll", .toy), Noun("kite", .toy), Noun("balloon", .toy),
    Noun("box", [.tool, .container, .opening]), Noun("bag", [.tool, .container, .opening]),
    Noun("basket", [.tool, .container]), Noun("cup", .tool), Noun("key", .tool),
    Noun("knife", .tool, plural: "knives"), Noun("spoon", .tool), Noun("lamp", .tool),
    Noun("clock", .tool), Noun("umbrella", .tool), Noun("coin", .tool), Noun("hammer", .tool),
    Noun("blanket", .tool), Noun("pencil", .tool), Noun("ring", .tool),
    Noun("book", .reading), Noun("letter", .reading), Noun("story", .reading), Noun("poem", .reading),
    Noun("hat", .clothing), Noun("coat", .clothing), Noun("shirt", .clothing), Noun("dress", .clothing),
    Noun("scarf", .clothing, plural: "scarves"),
    Noun("table", [.furniture, .surface, .landmark]), Noun("chair", [.furniture, .surface, .landmark]),
    Noun("bed", [.furniture, .surface, .landmark]),
    Noun("shelf", [.furniture, .surface], plural: "shelves"), Noun("desk", [.furniture, .surface]),
    Noun("car", [.vehicle, .landmark]), Noun("bus", [.vehicle, .landmark]), Noun("train", .vehicle),
    Noun("boat", [.vehicle, .landmark]), Noun("bicycle", .vehicle), Noun("truck", [.vehicle, .landmark]),
    Noun("drum", .instrument), Noun("guitar", .instrument), Noun("piano", .furniture, plural: "pianos"),
    Noun("flute", .instrument), Noun("violin", .instrument),
    Noun("tree", [.plant, .landmark, .height]), Noun("flower", .plant), Noun("bush", [.plant, .landmark]),
    Noun("leaf", .plant, plural: "leaves"),
  ]

  private static let placeNouns: [Noun] = [
    Noun("garden", .inside), Noun("park", .inside), Noun("forest", .inside), Noun("field", .inside),
    Noun("yard", .inside), Noun("kitchen", .inside), Noun("room", .inside), Noun("village", .inside),
    Noun("house", [.building, .inside, .landmark]), Noun("school", [.building, .inside, .landmark]),
    Noun("barn", [.building, .inside, .landmark]), Noun("shop", [.building, .inside, .landmark]),
    Noun("castle", [.building, .inside, .landmark]), Noun("tower", [.building, .landmark, .height]),
    Noun("river", .landmark), Noun("lake", .landmark), Noun("hill", [.landmark, .height]),
    Noun("bridge", .landmark), Noun("wall", [.landmark, .height]),
    Noun("door", [.opening, .landmark]), Noun("window", [.opening, .landmark]), Noun("gate", .opening),
  ]
}

/// The verbs: who does it, to what.
extension Lexicon {
  static let verbs: [Verb] = [
    // Without an object.
    Verb("sleep", .animate, past: "slept"), Verb("run", .animate, past: "ran", progressive: "running"),
    Verb("walk", .animate), Verb("jump", .animate), Verb("play", .animate), Verb("rest", .animate),
    Verb("swim", .animate, past: "swam", progressive: "swimming"), Verb("hide", .animate, past: "hid"),
    Verb("wait", .animate), Verb("listen", .animate), Verb("shout", .person), Verb("laugh", .person),
    Verb("cry", .person), Verb("sing", .person, past: "sang"), Verb("dance", .person),
    Verb("smile", .person), Verb("work", .person), Verb("talk", .person), Verb("travel", .person),
    Verb("dream", .person), Verb("fly", .bird, past: "flew"), Verb("grow", .plant, past: "grew"),

    // With one.
    Verb("chase", .animal, [.animal, .toy]), Verb("bite", .animal, [.food, .toy], past: "bit"),
    Verb("smell", .animal, [.food, .plant], stative: true), Verb("scare", .animal, [.animal, .person]),
    Verb("follow", .animate, [.animal, .person]), Verb("eat", .animate, .food, past: "ate"),
    Verb("drink", .animate, .drink, past: "drank"),
    Verb("see", .animate, .visible, past: "saw", stative: true),
    Verb("like", .animate, [.animate, .food, .drink, .toy], stative: true),
    Verb("watch", .animate, [.animate, .vehicle]),
    Verb("hear", .animate, .animate, past: "heard", stative: true),
    Verb("find", .animate, [.animal, .food, .toy, .tool, .reading, .clothing], past: "found", stative: true),
    Verb("love", .person, [.animate, .reading, .instrument, .plant], reflexive: true, stative: true),
    Verb("help", .person, .animate, reflexive: true), Verb("thank", .person, .person),
    Verb("call", .person, .animate), Verb("meet", .person, .person, past: "met"),
    Verb("teach", .person, .person, past: "taught", reflexive: true), Verb("visit", .person, .person),
    Verb("trust", .person, .person, reflexive: true, stative: true),
    Verb("blame", .person, .person, reflexive: true),
    Verb("hug", .person, .animate, past: "hugged", progressive: "hugging"),
    Verb("feed", .person, .animal, past: "fed"), Verb("throw", .person, .toy, past: "threw"),
    Verb("catch", .person, [.toy, .animal], past: "caught"), Verb("kick", .person, .toy),
    Verb("carry", .person, .portable), Verb("hold", .person, .portable, past: "held"),
    Verb("lose", .person, [.toy, .tool, .clothing], past: "lost", stative: true),
    Verb("buy", .person, [.food, .drink, .toy, .tool, .clothing, .reading], past: "bought"),
    Verb("sell", .person, [.food, .clothing, .vehicle], past: "sold"),
    Verb("open", .person, .opening), Verb("close", .person, .opening),
    Verb("cook", .person, .food),
    Verb("wash", .person, [.clothing, .animal, .vehicle], reflexive: true),
    Verb("clean", .person, [.furniture, .building, .tool]),
    Verb("wear", .person, .clothing, past: "wore"), Verb("read", .person, .reading, past: "read"),
    Verb("write", .person, .reading, past: "wrote"), Verb("drive", .person, .vehicle, past: "drove"),
    Verb("build", .person, [.building, .furniture], past: "built"),
    Verb("repair", .person, [.vehicle, .tool]),
    Verb("paint", .person, [.animate, .building, .plant], reflexive: true),
    Verb("draw", .person, [.animate, .plant], past: "drew", reflexive: true),
    Verb("water", .person, .plant), Verb("climb", .person, .height),
    Verb("admire", .person, [.person, .plant, .building], reflexive: true, stative: true),
  ]

  /// "Anna thinks that ...".
  static let thoughts: [Verb] = [
    Verb("think", .person, past: "thought"), Verb("say", .person, past: "said"),
    Verb("know", .person, past: "knew"), Verb("hope", .person), Verb("believe", .person),
  ]
}

extension Kinds {
  static let visible: Kinds = [.person, .animal, .toy, .tool, .vehicle, .plant, .building]
}

import AntFiles
import AntTraining
import ArgumentParser

/// `antlm presets`
struct PresetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "presets",
    abstract: "Shows the recipes of 'antlm train --preset', and where each value comes from.",
    discussion: """
      source: read in the code, files or article named; reported: told by others;
      unconfirmed: recalled, or the base model's own where what AntLM used is not
      known; ours: chosen here.

      Example: antlm presets antlm-ltg-bert-base
      """)

  @Argument(help: "A preset; all of them, in a line each, where none is named.")
  var name: String?
  @Flag(help: "One JSON object a line.")
  var json = false

  func run() throws {
    guard let name else {
      for (name, recipe) in Recipe.all.sorted(by: { $0.key < $1.key }) {
        if json {
          var object = JSONObject()
          object.set("preset", name)
          object.set("about", recipe.about)
          emit(object)
        } else {
          emit("\(name.padding(toLength: 22, withPad: " ", startingAt: 0))\(recipe.about)")
        }
      }
      return
    }
    let recipe: Recipe
    do {
      recipe = try Recipe.named(name)
    } catch {
      // There is no option here for the name.
      throw ValidationError("\(error)")
    }
    if !json { emit(recipe.about) }
    show("tokenizer", recipe.tokenizer)
    for (key, entry) in recipe.values.sorted(by: { $0.key < $1.key }) { show(key, entry) }
  }

  private func show(_ key: String, _ entry: Recipe.Entry) {
    if json {
      var object = JSONObject()
      object.set("option", key)
      object.set("value", entry.value.description)
      object.set("standing", entry.standing.rawValue)
      object.set("from", entry.from)
      emit(object)
    } else {
      let fields = [(key, 19), (entry.value.description, 20), (entry.standing.rawValue, 13)].map {
        $0.0.count < $0.1 ? $0.0.padding(toLength: $0.1, withPad: " ", startingAt: 0) : $0.0 + "  "
      }
      emit(fields.joined() + entry.from)
    }
  }
}

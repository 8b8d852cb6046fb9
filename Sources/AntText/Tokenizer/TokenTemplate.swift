/// The tokens that are put around a text: what a tokenizer.json calls post_processor, for single texts.
struct TokenTemplate: Sendable, Equatable {
  var before: [Int32] = []
  var after: [Int32] = []

  func callAsFunction(_ ids: [Int32]) -> [Int32] { before + ids + after }
}

// swift-tools-version: 6.1
import PackageDescription

// A package as a stranger would write it: an operation with its gradient, an architecture and an objective of its own,
// trained through AntLM. Its targets have the names that come first to mind, which AntLM leaves free.
let package = Package(
  name: "Examples",
  dependencies: [.package(name: "AntLM", path: "..")],
  targets: [
    .target(
      name: "Models",
      dependencies: [
        .product(name: "AntAutograd", package: "AntLM"), .product(name: "AntDevice", package: "AntLM"),
        .product(name: "AntModels", package: "AntLM"), .product(name: "AntRandom", package: "AntLM"),
      ]),
    .target(
      name: "Text",
      dependencies: [
        .product(name: "AntBatch", package: "AntLM"), .product(name: "AntText", package: "AntLM"),
      ]),
    .executableTarget(
      name: "Command",
      dependencies: [
        "Models", "Text", .product(name: "AntDevices", package: "AntLM"),
        .product(name: "AntTraining", package: "AntLM"), .product(name: "AntInference", package: "AntLM"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.1
import PackageDescription

let realModule: Target.Dependency = .product(name: "RealModule", package: "swift-numerics")

/// Every library of the package, from the bottom of the house to its top: imports point upwards in this list.
let libraries: [Target] = [
  .target(name: "AntFiles"),
  .target(name: "AntRandom"),
  .target(name: "AntBatch"),
  .target(name: "AntDevice", dependencies: ["AntRandom"]),
  .target(name: "AntCPU", dependencies: ["AntDevice", "CAntVectorUnit", realModule]),
  .target(name: "AntOpenCL", dependencies: ["AntDevice", "AntFiles", "CAntOpenCL", "CAntKernels"]),
  .target(name: "AntDevices", dependencies: ["AntDevice", "AntCPU", "AntOpenCL"]),
  .target(name: "AntCheck", dependencies: ["AntBatch", "AntDevice"]),
  .target(name: "AntAutograd", dependencies: ["AntDevice"]),
  .target(
    name: "AntModels", dependencies: ["AntAutograd", "AntBatch", "AntFiles"],
    resources: [.embedInCode("LTGBert/modeling_ltgbert.py")]),
  .target(name: "AntText", dependencies: ["AntBatch", "AntFiles", "AntRandom"]),
  .target(
    name: "AntTraining", dependencies: ["AntModels", "AntText"],
    resources: [.embedInCode("Recipes/recipes.json")]),
  .target(name: "AntInference", dependencies: ["AntTraining"]),
  .target(name: "AntEvaluation", dependencies: ["AntInference"]),
  .target(name: "AntReport", dependencies: ["AntEvaluation"]),
  .target(
    name: "AntStudy", dependencies: ["AntReport", .product(name: "Yams", package: "Yams")],
    resources: [.embedInCode("study.yaml")]),
  .target(name: "AntBench", dependencies: ["AntInference"]),
]

let package = Package(
  name: "AntLM",
  products: [.executable(name: "antlm", targets: ["AntCommand"])]
    + libraries.map { .library(name: $0.name, targets: [$0.name]) },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: libraries + [
    // The kernels travel inside the binary: kernels.c embeds every file of Kernels.
    .target(name: "CAntKernels"),
    .target(name: "CAntOpenCL"),
    // The width of the vector unit, which Swift cannot ask for at compile time.
    .target(name: "CAntVectorUnit"),
    .executableTarget(
      name: "AntCommand",
      dependencies: [
        "AntBench", "AntStudy", "AntDevices", "AntCheck",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    // What tests of several targets use.
    .target(
      name: "AntTestSupport", dependencies: ["AntTraining", "AntDevices"], path: "Tests/AntTestSupport"),
    .testTarget(name: "AntFilesTests", dependencies: ["AntFiles", "AntTestSupport"]),
    .testTarget(name: "AntRandomTests", dependencies: ["AntRandom"]),
    .testTarget(name: "AntBatchTests", dependencies: ["AntBatch"]),
    .testTarget(name: "AntCPUTests", dependencies: ["AntCPU", "AntCheck", "AntTestSupport"]),
    .testTarget(name: "AntOpenCLTests", dependencies: ["AntOpenCL", "AntCheck"]),
    .testTarget(name: "AntDevicesTests", dependencies: ["AntDevices"]),
    .testTarget(name: "AntCheckTests", dependencies: ["AntCheck", "AntTestSupport"]),
    .testTarget(name: "AntAutogradTests", dependencies: ["AntAutograd", "AntDevices", "AntCheck"]),
    .testTarget(name: "AntModelsTests", dependencies: ["AntModels", "AntCheck", "AntTestSupport"]),
    .testTarget(name: "AntTextTests", dependencies: ["AntText", "AntTestSupport"]),
    .testTarget(name: "AntTrainingTests", dependencies: ["AntTraining", "AntCheck", "AntTestSupport"]),
    .testTarget(name: "AntInferenceTests", dependencies: ["AntInference", "AntCheck", "AntTestSupport"]),
    .testTarget(name: "AntEvaluationTests", dependencies: ["AntEvaluation", "AntCheck", "AntTestSupport"]),
    .testTarget(name: "AntReportTests", dependencies: ["AntReport", "AntTestSupport"]),
    .testTarget(name: "AntStudyTests", dependencies: ["AntStudy", "AntTestSupport"]),
    .testTarget(name: "AntBenchTests", dependencies: ["AntBench", "AntDevices", "AntTestSupport"]),
    .testTarget(name: "AntCommandTests", dependencies: ["AntCommand", "AntTestSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
)

// swift-tools-version: 6.1
import PackageDescription

let realModule: Target.Dependency = .product(name: "RealModule", package: "swift-numerics")

let package = Package(
  name: "AntLM",
  products: [
    .executable(name: "antlm", targets: ["Command"]),
    .library(name: "Files", targets: ["Files"]),
    .library(name: "Device", targets: ["Device"]),
    .library(name: "CPUDevice", targets: ["CPUDevice"]),
    .library(name: "OpenCLDevice", targets: ["OpenCLDevice"]),
    .library(name: "Devices", targets: ["Devices"]),
    .library(name: "DeviceCheck", targets: ["DeviceCheck"]),
    .library(name: "Autograd", targets: ["Autograd"]),
    .library(name: "Models", targets: ["Models"]),
    .library(name: "Text", targets: ["Text"]),
    .library(name: "AntLM", targets: ["AntLM"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // The kernels travel inside the binary: kernels.c embeds every .cl file.
    .target(
      name: "Kernels",
      path: "Kernels",
      exclude: [
        "activation.cl", "attention_cpu.cl", "attention_gpu.cl", "attention_group.cl", "attention_tensor.cl",
        "attention_terms.cl", "crossEntropy.cl", "dropout.cl", "elementwise.cl", "embedding.cl",
        "matmul_cpu.cl", "matmul_gpu.cl", "matmul_tensor.cl", "matmul_tile.cl", "matrix_unit.cl",
        "multiplyAdd.cl", "normalization.cl", "optimizer.cl", "philox.cl", "precision.cl", "reduction.cl",
        "rotary.cl", "softmax.cl", "vector.cl",
      ],
      sources: ["kernels.c"],
      publicHeadersPath: "include"),
    .target(name: "COpenCL"),

    // Files that are whole or absent, and JSON lines: what every target that reads or writes stands on.
    .target(name: "Files"),
    .target(name: "Device"),
    // Constants only: the width of the vector unit, which Swift cannot ask for at compile time.
    .target(name: "CVectorUnit"),
    .target(name: "CPUDevice", dependencies: ["Device", "CVectorUnit", realModule]),
    .target(name: "OpenCLDevice", dependencies: ["Device", "Files", "COpenCL", "Kernels"]),
    .target(name: "Devices", dependencies: ["Device", "CPUDevice", "OpenCLDevice"]),
    .target(name: "DeviceCheck", dependencies: ["Device"]),
    .target(name: "Autograd", dependencies: ["Device"]),
    .target(
      name: "Models", dependencies: ["Autograd", "Device", "Files"],
      resources: [.embedInCode("LTGBert/modeling_ltgbert.py")]),
    .target(name: "Text", dependencies: ["Device", "Files"]),
    .target(
      name: "AntLM",
      dependencies: [
        "Models", "Text", "Autograd", "Device", "Files", .product(name: "Yams", package: "Yams"),
      ],
      resources: [.embedInCode("Recipes/recipes.json"), .embedInCode("Study/study.yaml")]),
    .executableTarget(
      name: "Command",
      dependencies: [
        "AntLM", "Models", "Text", "Autograd", "Devices", "DeviceCheck", "Files",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    .testTarget(name: "DeviceTests", dependencies: ["Device"]),
    .testTarget(name: "CPUDeviceTests", dependencies: ["CPUDevice", "DeviceCheck"]),
    .testTarget(name: "OpenCLDeviceTests", dependencies: ["OpenCLDevice", "DeviceCheck", "Files"]),
    .testTarget(name: "DeviceCheckTests", dependencies: ["DeviceCheck", "Devices"]),
    .testTarget(name: "AutogradTests", dependencies: ["Autograd", "Devices", "DeviceCheck"]),
    .testTarget(name: "ModelsTests", dependencies: ["Models", "Devices", "DeviceCheck", "Files"]),
    .testTarget(name: "TextTests", dependencies: ["Text", "Files"]),
    .testTarget(name: "AntLMTests", dependencies: ["AntLM", "Devices", "DeviceCheck", "Files"]),
    .testTarget(name: "CommandTests", dependencies: ["Command"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c2x
)

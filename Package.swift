// swift-tools-version: 6.2
import PackageDescription

/// Wire and frame modules hand out `~Escapable` views over `RawSpan`, which needs this feature (as in swift-nio).
let views: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "weft",
  platforms: [.macOS("26.0")],
  products: [],
  dependencies: [
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2")
  ],
  targets: [
    .target(name: "WeftWire", swiftSettings: views),
    .target(name: "WeftCore", dependencies: ["WeftWire"], swiftSettings: views),
    .target(name: "WeftIP", dependencies: ["WeftWire", "WeftCore"], swiftSettings: views),
    .target(name: "WeftSwitch", dependencies: ["WeftWire", "WeftCore"], swiftSettings: views),
    .target(name: "WeftServices", dependencies: ["WeftWire", "WeftCore", "WeftIP"], swiftSettings: views),
    .target(name: "WeftHypervisor", dependencies: ["WeftWire", "WeftCore"], swiftSettings: views),
    .target(
      name: "WeftTopology", dependencies: ["WeftWire", "WeftCore", .product(name: "Yams", package: "Yams")]),
    .testTarget(name: "WeftWireTests", dependencies: ["WeftWire"], swiftSettings: views),
    .testTarget(name: "WeftCoreTests", dependencies: ["WeftCore"], swiftSettings: views),
    .testTarget(name: "WeftSwitchTests", dependencies: ["WeftSwitch"], swiftSettings: views),
    .testTarget(name: "WeftServicesTests", dependencies: ["WeftServices"], swiftSettings: views),
    .testTarget(name: "WeftHypervisorTests", dependencies: ["WeftHypervisor"], swiftSettings: views),
    .testTarget(name: "WeftTopologyTests", dependencies: ["WeftTopology"], exclude: ["validate.py"]),
  ]
)

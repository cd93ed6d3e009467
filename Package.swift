// swift-tools-version: 6.2
import PackageDescription

/// Wire and frame modules hand out `~Escapable` views over `RawSpan`, which needs this feature (as in swift-nio).
let views: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "weft",
  platforms: [.macOS("26.0")],
  products: [],
  dependencies: [],
  targets: [
    .target(name: "WeftWire", swiftSettings: views),
    .target(name: "WeftCore", dependencies: ["WeftWire"], swiftSettings: views),
    .target(name: "WeftIP", dependencies: ["WeftWire", "WeftCore"], swiftSettings: views),
    .target(name: "WeftSwitch", dependencies: ["WeftWire", "WeftCore"], swiftSettings: views),
    .target(name: "WeftServices", dependencies: ["WeftWire", "WeftCore", "WeftIP"], swiftSettings: views),
    .target(name: "WeftHypervisor", dependencies: ["WeftWire", "WeftCore"], swiftSettings: views),
    .systemLibrary(
      name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"]), .brew(["libpcap"])]),
    .target(name: "WeftCapture", dependencies: ["WeftWire", "WeftCore", "CPcap"]),
    .executableTarget(name: "capture-bench", dependencies: ["WeftCapture", "WeftCore"], path: "Benchmarks/CaptureBench"),
    .testTarget(name: "WeftWireTests", dependencies: ["WeftWire"], swiftSettings: views),
    .testTarget(name: "WeftCoreTests", dependencies: ["WeftCore"], swiftSettings: views),
    .testTarget(name: "WeftSwitchTests", dependencies: ["WeftSwitch"], swiftSettings: views),
    .testTarget(name: "WeftServicesTests", dependencies: ["WeftServices"], swiftSettings: views),
    .testTarget(name: "WeftHypervisorTests", dependencies: ["WeftHypervisor"], swiftSettings: views),
    .testTarget(name: "WeftCaptureTests", dependencies: ["WeftCapture"]),
  ]
)

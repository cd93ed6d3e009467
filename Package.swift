// swift-tools-version: 6.2
import PackageDescription

/// Wire and frame modules hand out `~Escapable` views over `RawSpan`, which needs this feature (as in swift-nio).
let views: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

// Siblings of the data plane never import each other; ArchitectureTests holds them to it.
let package = Package(
  name: "weft",
  platforms: [.macOS("26.0")],
  products: [
    .library(name: "Weft", targets: ["Weft"]),
    .executable(name: "weft", targets: ["weft-cli"]),
  ],
  dependencies: [
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(name: "WeftWire", swiftSettings: views),
    .target(name: "WeftCore", dependencies: ["WeftWire"], swiftSettings: views),
    .target(name: "WeftSettings", dependencies: ["WeftWire", "WeftCore"]),
    .target(name: "WeftIP", dependencies: ["WeftWire", "WeftCore"], swiftSettings: views),

    .target(name: "WeftSwitch", dependencies: ["WeftWire", "WeftCore", "WeftSettings"], swiftSettings: views),
    // Memory for large tables: lines, large pages, prefetch.
    .target(name: "CTableMemory"),
    .target(
      name: "WeftNAT", dependencies: ["CTableMemory", "WeftWire", "WeftCore", "WeftSettings", "WeftIP"], swiftSettings: views),
    .target(name: "WeftServices", dependencies: ["WeftWire", "WeftCore", "WeftIP"], swiftSettings: views),
    .target(name: "WeftStack", dependencies: ["WeftWire", "WeftCore", "WeftIP", "WeftISO"], swiftSettings: views),
    .target(
      name: "WeftPrograms",
      dependencies: ["CTableMemory", "WeftWire", "WeftCore", "WeftISO", "WeftDisk", "WeftSettings", "WeftStack"],
      swiftSettings: views),
    .target(
      name: "WeftProbes", dependencies: ["WeftWire", "WeftCore", "WeftSettings", "WeftStack", "WeftPrograms"],
      swiftSettings: views),
    .target(
      name: "WeftGuest",
      dependencies: ["WeftWire", "WeftCore", "WeftIP", "WeftISO", "WeftDisk", "WeftSettings", "WeftStack", "WeftPrograms"],
      swiftSettings: views),
    .target(name: "WeftHypervisor", dependencies: ["WeftWire", "WeftCore", "WeftSettings"], swiftSettings: views),
    .target(name: "WeftDisk", dependencies: ["WeftCore"]),
    .target(name: "WeftISO"),
    .target(
      name: "WeftTopology",
      dependencies: ["WeftWire", "WeftCore", "WeftISO", "WeftDisk", "WeftSettings", .product(name: "Yams", package: "Yams")]),
    .systemLibrary(name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"]), .brew(["libpcap"])]),
    .target(name: "WeftCapture", dependencies: ["WeftWire", "WeftCore", "CPcap"]),

    .target(name: "WeftImage"),
    .target(
      name: "WeftFabric",
      dependencies: [
        "WeftWire", "WeftCore", "WeftIP", "WeftSwitch", "WeftNAT", "WeftServices", "WeftStack", "WeftPrograms", "WeftProbes",
        "WeftGuest", "WeftHypervisor", "WeftDisk", "WeftISO",
        "WeftSettings", "WeftTopology", "WeftCapture", "WeftImage",
      ], swiftSettings: views),
    .target(
      name: "WeftStorage",
      dependencies: ["WeftDisk", "WeftWire", "WeftFabric", "WeftCore", "WeftISO", "WeftSettings", "WeftCapture", "WeftTopology"],
      swiftSettings: views),
    .target(
      name: "Weft",
      dependencies: [
        "WeftWire", "WeftCore", "WeftISO", "WeftStack", "WeftPrograms", "WeftProbes", "WeftSettings", "WeftTopology",
        "WeftCapture", "WeftFabric", "WeftStorage", "WeftDisk",
      ]),
    .target(
      name: "WeftCommand",
      // Not only "Weft": a change below it must rebuild this, which re-exports alone don't tell SwiftPM.
      dependencies: [
        "Weft", "WeftWire", "WeftCore", "WeftISO", "WeftSettings", "WeftTopology", "WeftCapture", "WeftFabric", "WeftStorage",
        "WeftDisk",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "weft-cli", dependencies: ["WeftCommand"]),

    .target(name: "CMallocCount", path: "Benchmarks/CMallocCount"),
    .executableTarget(
      name: "weft-bench",
      dependencies: [
        "WeftCore", "WeftWire", "WeftSettings", "WeftSwitch", "WeftNAT", "WeftTopology", "WeftCapture", "WeftFabric",
        "CTableMemory", "CMallocCount",
      ],
      path: "Benchmarks/WeftBench", swiftSettings: views),

    // Every module a target imports is named, the ones below too: SwiftPM rebuilds by what is named.
    .testTarget(name: "ArchitectureTests"),
    .testTarget(name: "WeftWireTests", dependencies: ["WeftWire"], swiftSettings: views),
    .testTarget(name: "WeftCoreTests", dependencies: ["WeftCore", "WeftWire"], swiftSettings: views),
    .testTarget(name: "WeftIPTests", dependencies: ["WeftIP", "WeftCore", "WeftWire"], swiftSettings: views),
    .testTarget(
      name: "WeftSwitchTests", dependencies: ["WeftSwitch", "WeftSettings", "WeftCore", "WeftWire"], swiftSettings: views),
    .testTarget(
      name: "WeftNATTests", dependencies: ["WeftNAT", "WeftSettings", "WeftIP", "WeftCore", "WeftWire"], swiftSettings: views),
    // Linux's own NAT as the judge of ours; skips where it can't be had.
    .target(name: "CNetworkNamespace", path: "Tests/CNetworkNamespace"),
    .target(name: "KernelLab", dependencies: ["CNetworkNamespace"], path: "Tests/KernelLab"),
    .testTarget(
      name: "NATvsLinuxTests",
      dependencies: ["CNetworkNamespace", "KernelLab", "WeftNAT", "WeftSettings", "WeftIP", "WeftCore", "WeftWire"],
      exclude: ["Sequences/fixed.txt", "Sequences/random.txt", "Sequences/differing.txt"], swiftSettings: views),
    // Linux's bridge as the judge of our switch.
    .testTarget(
      name: "SwitchVsLinuxTests", dependencies: ["KernelLab", "WeftSwitch", "WeftSettings", "WeftCore", "WeftWire"],
      swiftSettings: views),
    .testTarget(
      name: "WeftServicesTests", dependencies: ["WeftServices", "WeftIP", "WeftCore", "WeftWire"], swiftSettings: views),
    .testTarget(
      name: "WeftGuestTests",
      dependencies: [
        "WeftGuest", "WeftProbes", "WeftPrograms", "WeftStack", "WeftIP", "WeftSettings", "WeftCore", "WeftWire",
        "WeftTestSupport",
      ],
      swiftSettings: views),
    .testTarget(name: "WeftImageTests", dependencies: ["WeftImage"]),
    .testTarget(
      name: "WeftHypervisorTests", dependencies: ["WeftHypervisor", "WeftSettings", "WeftCore", "WeftWire"], swiftSettings: views),
    .testTarget(name: "WeftDiskTests", dependencies: ["WeftDisk", "WeftImage", "WeftCore", "WeftTestSupport"]),
    .testTarget(name: "WeftISOTests", dependencies: ["WeftISO", "WeftCore", "WeftTestSupport"]),
    .testTarget(
      name: "WeftTopologyTests", dependencies: ["WeftTopology", "WeftSettings", "WeftCore", "WeftWire"],
      exclude: ["validate.py", "Fixtures"]),
    .testTarget(name: "WeftCaptureTests", dependencies: ["WeftCapture", "WeftCore", "WeftWire"]),
    .testTarget(
      name: "WeftFabricTests",
      dependencies: [
        "WeftFabric", "WeftStorage", "WeftImage", "WeftTopology", "WeftCapture", "WeftStack", "WeftPrograms", "WeftProbes",
        "WeftGuest",
        "WeftHypervisor", "WeftDisk", "WeftISO", "WeftNAT", "WeftServices",
        "WeftSwitch", "WeftSettings", "WeftCore", "WeftWire", "WeftTestSupport",
      ], swiftSettings: views),
    // Runs the built `weft` as a process.
    .testTarget(name: "WeftCommandTests", dependencies: ["weft-cli", "Weft", "WeftTestSupport"]),
    // A user's own package, whose sources are built here too: it imports Weft alone.
    .target(name: "OwnParts", dependencies: ["Weft"], path: "Examples/OwnParts/Sources/OwnParts"),
    .testTarget(name: "ExamplesTests", dependencies: ["OwnParts", "Weft"]),
    .target(name: "WeftTestSupport", path: "Tests/WeftTestSupport"),
  ]
)

// swift-tools-version: 6.2
import PackageDescription

// A package of one's own, with a program and an element that weft doesn't have. Only what `import Weft` gives is used.
let package = Package(
  name: "own-parts",
  platforms: [.macOS("26.0")],
  // Yours names the repository: .package(url: "https://…/weft", branch: "main")
  dependencies: [.package(name: "weft", path: "../..")],
  targets: [
    .target(name: "OwnParts", dependencies: [.product(name: "Weft", package: "weft")]),
    .executableTarget(name: "own-parts", dependencies: ["OwnParts"]),
  ]
)

// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "FleetTimes",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "swift-resilience", path: "../../..", traits: ["Redis"])],
    targets: [
        .executableTarget(
            name: "FleetTimes",
            dependencies: [
                .product(name: "Resilience", package: "swift-resilience"),
                .product(name: "ResilienceRedis", package: "swift-resilience"),
            ],
            swiftSettings: [
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .enableUpcomingFeature("ExistentialAny"),
            ])
    ])

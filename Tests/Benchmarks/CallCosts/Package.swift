// swift-tools-version: 6.2
import PackageDescription

// Depends on nothing but the package under test, so that the count of instructions needs no network.

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "CallCosts",
    platforms: [.macOS(.v15)],
    products: [.library(name: "CallRows", targets: ["CallRows"])],
    dependencies: [.package(name: "swift-resilience", path: "../../..")],
    targets: [
        .target(
            name: "CallRows",
            dependencies: [
                .product(name: "ResilienceCore", package: "swift-resilience"),
                .product(name: "ResiliencePrometheus", package: "swift-resilience"),
                .product(name: "ResilienceTesting", package: "swift-resilience"),
                .product(name: "CircuitBreakers", package: "swift-resilience"),
                .product(name: "Bulkheads", package: "swift-resilience"),
                .product(name: "Fallbacks", package: "swift-resilience"),
                .product(name: "RateLimiters", package: "swift-resilience"),
                .product(name: "Hedges", package: "swift-resilience"),
                .product(name: "Resilience", package: "swift-resilience"),
                .product(name: "Retries", package: "swift-resilience"),
                .product(name: "Timeouts", package: "swift-resilience"),
            ],
            swiftSettings: settings),
        .executableTarget(name: "CallCosts", dependencies: ["CallRows"], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

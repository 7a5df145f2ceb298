// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "swift-resilience",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "Resilience", targets: ["Resilience"]),
        .library(name: "ResilienceCore", targets: ["ResilienceCore"]),
        .library(name: "CircuitBreakers", targets: ["CircuitBreakers"]),
        .library(name: "Retries", targets: ["Retries"]),
        .library(name: "Timeouts", targets: ["Timeouts"]),
        .library(name: "Hedges", targets: ["Hedges"]),
        .library(name: "Bulkheads", targets: ["Bulkheads"]),
        .library(name: "RateLimiters", targets: ["RateLimiters"]),
        .library(name: "Fallbacks", targets: ["Fallbacks"]),
        .library(name: "ResiliencePrometheus", targets: ["ResiliencePrometheus"]),
        .library(name: "ResilienceTesting", targets: ["ResilienceTesting"]),
        .executable(name: "resilience-demo", targets: ["ResilienceDemo"]),
    ],
    targets: [
        .target(name: "ResilienceCore", swiftSettings: settings),
        .target(name: "CircuitBreakers", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(name: "Retries", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(name: "Bulkheads", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(name: "RateLimiters", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(name: "Fallbacks", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(
            name: "Resilience",
            dependencies: [
                "ResilienceCore", "CircuitBreakers", "Timeouts", "Retries", "Hedges", "Bulkheads", "RateLimiters",
                "Fallbacks",
            ],
            swiftSettings: settings),
        .target(name: "ResiliencePrometheus", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(name: "Timeouts", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(name: "Hedges", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(name: "ResilienceTesting", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .executableTarget(
            name: "ResilienceDemo", dependencies: ["Resilience", "ResiliencePrometheus"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceDemoTests", dependencies: ["ResilienceDemo", "Resilience", "ResiliencePrometheus"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceCoreTests", dependencies: ["ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "CircuitBreakersTests", dependencies: ["CircuitBreakers", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "RetriesTests",
            dependencies: [
                "Retries", "CircuitBreakers", "ResilienceCore", "ResilienceTesting", "IsolationTestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceTestingTests", dependencies: ["ResilienceTesting", "ResilienceCore"],
            swiftSettings: settings),
        .testTarget(
            name: "TimeoutsTests",
            dependencies: ["Timeouts", "CircuitBreakers", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "HedgesTests",
            dependencies: ["Hedges", "CircuitBreakers", "Retries", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "BulkheadsTests",
            dependencies: ["Bulkheads", "Retries", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "RateLimitersTests",
            dependencies: ["RateLimiters", "Retries", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "FallbacksTests",
            dependencies: ["Fallbacks", "CircuitBreakers", "Retries", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceTests", dependencies: ["Resilience", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ResiliencePrometheusTests",
            dependencies: [
                "ResiliencePrometheus", "CircuitBreakers", "Retries", "Timeouts", "Hedges", "RateLimiters",
                "ResilienceCore", "ResilienceTesting", "PrometheusTestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "GuideTests", dependencies: ["Resilience", "ResiliencePrometheus", "ResilienceTesting"],
            swiftSettings: settings),
        .target(name: "PrometheusTestSupport", path: "Tests/PrometheusTestSupport", swiftSettings: settings),
        .target(
            name: "IsolationTestSupport", dependencies: ["ResilienceCore", "CircuitBreakers", "Timeouts", "Retries"],
            path: "Tests/IsolationTestSupport", swiftSettings: settings),
        .testTarget(
            name: "IsolationTests", dependencies: ["IsolationTestSupport"], swiftSettings: settings),
        .testTarget(name: "IsolationWithoutFeatureTests", dependencies: ["IsolationTestSupport"]),
        .testTarget(
            name: "IsolationMainActorDefaultTests", dependencies: ["IsolationTestSupport"],
            swiftSettings: [.defaultIsolation(MainActor.self)]),
    ],
    swiftLanguageModes: [.v6]
)

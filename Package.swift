// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// The patterns: a library each, with tests, and what these use besides the pattern.
let patterns: KeyValuePairs<String, [Target.Dependency]> = [
    "Bulkheads": ["Retries", "Timeouts"],
    "CircuitBreakers": [],
    "Fallbacks": ["CircuitBreakers", "Retries", "Timeouts"],
    "Hedges": ["CircuitBreakers", "Retries"],
    "RateLimiters": ["Retries"],
    "Retries": ["CircuitBreakers", "IsolationTestSupport"],
    "Timeouts": ["CircuitBreakers"],
]
let patternLibraries: [Target.Dependency] = patterns.map { .byName(name: $0.key) }

let package = Package(
    name: "swift-resilience",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "Resilience", targets: ["Resilience"]),
        .library(name: "ResilienceCore", targets: ["ResilienceCore"]),
        .library(name: "ResilienceFiles", targets: ["ResilienceFiles"]),
        .library(name: "ResiliencePrometheus", targets: ["ResiliencePrometheus"]),
        .library(name: "ResilienceStoreTesting", targets: ["ResilienceStoreTesting"]),
        .library(name: "ResilienceTesting", targets: ["ResilienceTesting"]),
        .library(name: "ResilienceURLSession", targets: ["ResilienceURLSession"]),
        .executable(name: "resilience-demo", targets: ["ResilienceDemo"]),
    ],
    targets: [
        .target(name: "ResilienceCore", swiftSettings: settings),
        .target(
            name: "Resilience", dependencies: ["ResilienceCore"] + patternLibraries, swiftSettings: settings),
        .target(name: "ResilienceFiles", dependencies: ["Resilience", "ResilienceCore"], swiftSettings: settings),
        .target(name: "ResiliencePrometheus", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(
            name: "ResilienceStoreTesting", dependencies: ["CircuitBreakers", "RateLimiters", "ResilienceCore"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceStoreTestingTests",
            dependencies: [
                "ResilienceStoreTesting", "CircuitBreakers", "RateLimiters", "ResilienceCore", "ResilienceTesting",
            ],
            swiftSettings: settings),
        .target(name: "ResilienceTesting", dependencies: ["ResilienceCore"], swiftSettings: settings),
        .target(name: "HTTPSemantics", dependencies: ["Resilience", "ResilienceCore"], swiftSettings: settings),
        .testTarget(
            name: "HTTPSemanticsTests",
            dependencies: [
                "HTTPSemantics", "RateLimiters", "Resilience", "ResilienceCore", "ResilienceTesting", "TestSupport",
            ],
            swiftSettings: settings),
        .target(
            name: "ResilienceURLSession", dependencies: ["HTTPSemantics", "Resilience", "ResilienceCore"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceURLSessionTests",
            dependencies: [
                "ResilienceURLSession", "HTTPSemantics", "Resilience", "ResilienceCore", "ResilienceTesting",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "ResilienceDemo", dependencies: ["Resilience", "ResiliencePrometheus", "ResilienceURLSession"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceDemoTests",
            dependencies: ["ResilienceDemo", "Resilience", "ResiliencePrometheus", "PrometheusTestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceCoreTests", dependencies: ["ResilienceCore", "ResilienceTesting", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceTestingTests", dependencies: ["ResilienceTesting", "ResilienceCore", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceTests",
            dependencies: [
                "Resilience", "ResilienceCore", "ResiliencePrometheus", "ResilienceTesting", "TestSupport",
            ] + patternLibraries,
            swiftSettings: settings),
        .testTarget(
            name: "MemoryTests", dependencies: ["Resilience", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "DifferentialTests",
            dependencies: [
                "Bulkheads", "CircuitBreakers", "RateLimiters", "Resilience", "ResilienceCore", "ResilienceTesting",
                "Retries", "TestSupport", "Timeouts",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "SoakTests", dependencies: ["Resilience", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ResilienceFilesTests",
            dependencies: ["ResilienceFiles", "Resilience", "ResilienceCore", "ResilienceTesting"],
            swiftSettings: settings),
        .testTarget(
            name: "ResiliencePrometheusTests",
            dependencies: [
                "HTTPSemantics", "PrometheusTestSupport", "Resilience", "ResilienceCore", "ResiliencePrometheus",
                "ResilienceTesting",
            ] + patternLibraries,
            swiftSettings: settings),
        .testTarget(
            name: "GuideTests",
            dependencies: [
                "HTTPSemantics", "Resilience", "ResilienceCore", "ResilienceFiles", "ResiliencePrometheus",
                "ResilienceStoreTesting", "ResilienceTesting", "ResilienceURLSession",
            ] + patternLibraries,
            swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["ResilienceCore", "ResilienceTesting"], path: "Tests/TestSupport",
            swiftSettings: settings),
        .target(
            name: "PrometheusTestSupport", dependencies: ["ResilienceCore"], path: "Tests/PrometheusTestSupport",
            swiftSettings: settings),
        .target(
            name: "IsolationTestSupport",
            dependencies: ["Resilience", "ResilienceCore"] + patternLibraries,
            path: "Tests/IsolationTestSupport", swiftSettings: settings),
        .testTarget(
            name: "IsolationTests", dependencies: ["IsolationTestSupport", "ResilienceCore", "CircuitBreakers"],
            swiftSettings: settings),
        .testTarget(
            name: "IsolationWithoutFeatureTests",
            dependencies: ["IsolationTestSupport", "ResilienceCore", "CircuitBreakers"]),
        .testTarget(
            name: "IsolationMainActorDefaultTests",
            dependencies: ["IsolationTestSupport", "ResilienceCore", "CircuitBreakers"],
            swiftSettings: [.defaultIsolation(MainActor.self)]),
    ],
    swiftLanguageModes: [.v6]
)

for (name, usedByTests) in patterns {
    package.products.append(.library(name: name, targets: [name]))
    package.targets += [
        .target(name: name, dependencies: ["ResilienceCore"], swiftSettings: settings),
        .testTarget(
            name: "\(name)Tests",
            dependencies: [.byName(name: name), "ResilienceCore", "ResilienceTesting", "TestSupport"] + usedByTests,
            swiftSettings: settings),
    ]
}

// MARK: Integrations

/// A package that an integration uses, and which of its products: in the library and, beside these, in its tests.
struct Integrated {
    var package: Package.Dependency
    var name: String
    var products: [String] = []
    var testProducts: [String] = []
}

var addedPackages: Set<String> = []

/// A library that is compiled only with its trait, and the packages it integrates. Without the trait these are not even
/// resolved, which takes the condition at every use.
@MainActor func addIntegration(
    _ trait: String, library: String? = nil, _ description: String, with packages: [Integrated],
    uses targets: [Target.Dependency] = []
) {
    func uses(_ products: (Integrated) -> [String]) -> [Target.Dependency] {
        packages.flatMap { integrated in
            products(integrated).map {
                .product(name: $0, package: integrated.name, condition: .when(traits: [trait]))
            }
        }
    }
    let name = library ?? "Resilience\(trait)"
    package.traits.insert(.trait(name: trait, description: description))
    for integrated in packages where addedPackages.insert(integrated.name).inserted {
        package.dependencies.append(integrated.package)
    }
    package.products.append(.library(name: name, targets: [name]))
    let testProducts = uses { $0.products + $0.testProducts }
    package.targets += [
        .target(
            name: name, dependencies: ["Resilience", "ResilienceCore"] + targets + uses(\.products),
            swiftSettings: settings),
        .testTarget(
            name: "\(name)Tests",
            dependencies: [
                .target(name: name), "Resilience", "ResilienceCore", "ResilienceTesting", "IsolationTestSupport",
                "TestSupport",
            ]
                + targets + testProducts,
            swiftSettings: settings),
    ]
    package.targets.first { $0.name == "GuideTests" }?.dependencies += [.target(name: name)] + testProducts
}

func serviceLifecycle(_ products: [String], tests: [String] = []) -> Integrated {
    Integrated(
        package: .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        name: "swift-service-lifecycle", products: products, testProducts: tests)
}
func swiftLog(_ products: [String] = [], tests: [String] = []) -> Integrated {
    Integrated(
        package: .package(url: "https://github.com/apple/swift-log", from: "1.16.2"), name: "swift-log",
        products: products, testProducts: tests)
}
addIntegration(
    "ServiceLifecycle", "ResilienceServiceLifecycle: the module as a service of swift-service-lifecycle.",
    with: [
        serviceLifecycle(["ServiceLifecycle"], tests: ["ServiceLifecycleTestKit", "UnixSignals"]),
        // A group of services has a logger.
        swiftLog(tests: ["Logging"]),
    ])
addIntegration(
    "Metrics", "ResilienceMetrics: what policies measure, on any backend of swift-metrics.",
    with: [
        Integrated(
            package: .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
            name: "swift-metrics", products: ["CoreMetrics"], testProducts: ["Metrics", "MetricsTestKit"])
    ])
addIntegration(
    "Logging", "ResilienceLogging: what happens in policies, on a logger of swift-log.",
    with: [swiftLog(["Logging"], tests: ["InMemoryLogging"])])
addIntegration(
    "Tracing", "ResilienceTracing: spans of calls and attempts, on any tracer of swift-distributed-tracing.",
    with: [
        Integrated(
            package: .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
            name: "swift-distributed-tracing", products: ["Tracing"], testProducts: ["InMemoryTracing"])
    ])
package.targets.first { $0.name == "ResilienceTracingTests" }?.dependencies += patternLibraries
// The isolation of calls in spans is checked together with that of all others.
package.targets.first { $0.name == "IsolationTestSupport" }?.dependencies += [
    "ResilienceTracing",
    .product(name: "InMemoryTracing", package: "swift-distributed-tracing", condition: .when(traits: ["Tracing"])),
]
addIntegration(
    "Configuration", "ResilienceConfiguration: the module's document from a reader of swift-configuration.",
    with: [
        Integrated(
            package: .package(
                url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
            name: "swift-configuration", products: ["Configuration"])
    ])

// MARK: HTTP and gRPC

let httpTypes = Integrated(
    package: .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"), name: "swift-http-types",
    products: ["HTTPTypes"])
func nio(_ products: [String] = [], tests: [String] = []) -> Integrated {
    Integrated(
        package: .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"), name: "swift-nio",
        products: products, testProducts: tests)
}
func nioSSL(_ products: [String] = [], tests: [String] = []) -> Integrated {
    Integrated(
        package: .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"), name: "swift-nio-ssl",
        products: products, testProducts: tests)
}
addIntegration(
    "HTTPTypes", library: "ResilienceHTTP", "ResilienceHTTP: requests and responses of swift-http-types.",
    with: [httpTypes], uses: ["HTTPSemantics"])
addIntegration(
    "AsyncHTTPClient", "ResilienceAsyncHTTPClient: requests of async-http-client through a policy per authority.",
    with: [
        Integrated(
            package: .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
            name: "async-http-client", products: ["AsyncHTTPClient"]),
        nio(["NIOCore", "NIOHTTP1", "NIOPosix"]),
        // Only HTTP/2 says of a request that it was refused before it was looked at. The client depends on it too.
        Integrated(
            package: .package(url: "https://github.com/apple/swift-nio-http2", from: "1.36.0"),
            name: "swift-nio-http2", products: ["NIOHTTP2"]),
        // A server of HTTP/2 has a certificate of its own. The client depends on it too.
        nioSSL(tests: ["NIOSSL"]),
    ], uses: ["HTTPSemantics"])
addIntegration(
    "Hummingbird", "ResilienceHummingbird: limits, shedding and deadlines for servers of Hummingbird.",
    with: [
        Integrated(
            package: .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
            name: "hummingbird", products: ["Hummingbird"], testProducts: ["HummingbirdTesting"]),
        httpTypes,
        nio(["NIOCore"]),
        // A stream of events has to end when the server is shut down. Hummingbird depends on it in any case.
        serviceLifecycle(["ServiceLifecycle"]),
        swiftLog(tests: ["Logging"]),
    ], uses: ["HTTPSemantics", "ResiliencePrometheus"])
addIntegration(
    "GRPC", "ResilienceGRPC: clients and servers of grpc-swift-2.",
    with: [
        Integrated(
            package: .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"), name: "grpc-swift-2",
            products: ["GRPCCore"], testProducts: ["GRPCInProcessTransport"]),
        Integrated(
            package: .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
            name: "grpc-swift-nio-transport", testProducts: ["GRPCNIOTransportHTTP2"]),
    ], uses: ["HTTPSemantics"])

// MARK: Shared state

addIntegration(
    "Redis", "ResilienceRedis: circuits and limits that a fleet shares over Redis or Valkey.",
    with: [nio(["NIOCore", "NIOPosix", "NIOTLS"]), nioSSL(["NIOSSL"])],
    uses: ["CircuitBreakers", "RateLimiters", "Retries"])
package.targets.append(
    // A process that the tests start several times.
    .executableTarget(
        name: "FleetTestNode", dependencies: ["ResilienceRedis", "Resilience", "ResilienceCore"],
        path: "Tests/FleetTestNode", swiftSettings: settings))
package.targets.first { $0.name == "ResilienceRedisTests" }?.dependencies += [
    "ResilienceStoreTesting", "FleetTestNode",
]

// The demo of a fleet meets at a Redis server.
package.targets.first { $0.name == "ResilienceDemo" }?.dependencies.append("ResilienceRedis")

// Documentation shows the integrations too; nobody else needs all of them, or the plugin.
let buildsDocumentation = Context.environment["SPI_GENERATE_DOCS"] != nil
package.traits.insert(
    .default(enabledTraits: buildsDocumentation ? Set(package.traits.map(\.name)) : []))
if buildsDocumentation {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

// Optimising tests takes longer than optimising what they test. `.ci/run` names those that are to be, because
// they are about how callers are compiled or run for long; the others call optimised libraries from code that is not.
if let optimised = Context.environment["RESILIENCE_OPTIMISED_TESTS"]?.split(separator: ",").map(String.init) {
    for target in package.targets where target.type == .test && !optimised.contains(target.name) {
        target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-Onone"])]
    }
}

// One test target alone, with what it needs and nothing else: `.ci/run` builds those of each trait from scratch.
if let only = Context.environment["RESILIENCE_TESTS"] {
    var needed: Set<String> = []
    func need(_ name: String) {
        guard needed.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else {
            return
        }
        for dependency in target.dependencies {
            switch dependency {
            case .targetItem(let name, _), .byNameItem(let name, _): need(name)
            default: break
            }
        }
    }
    for name in only.split(separator: ",") { need(String(name)) }
    package.targets.removeAll { !needed.contains($0.name) }
    package.products.removeAll { _ in true }
    // A dependency that nothing names is built in full, whereas one of a trait that is off is not even resolved.
    let named = package.targets.flatMap(\.dependencies).compactMap { dependency in
        if case .productItem(_, let package, _, _) = dependency { package } else { nil }
    }
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
        return !named.contains { location.hasSuffix("/\($0)") }
    }
}

// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "shop",
    platforms: [.macOS(.v15)],
    dependencies: [
        // In a package of your own: .package(url: "https://github.com/<owner>/swift-resilience", from: "0.1.0", traits: [...])
        .package(
            name: "swift-resilience", path: "../../..",
            traits: ["AsyncHTTPClient", "Hummingbird", "Logging", "ServiceLifecycle", "Tracing"]),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    ],
    targets: [
        .executableTarget(
            name: "Shop",
            dependencies: [
                .product(name: "Resilience", package: "swift-resilience"),
                .product(name: "ResilienceAsyncHTTPClient", package: "swift-resilience"),
                .product(name: "ResilienceFiles", package: "swift-resilience"),
                .product(name: "ResilienceHummingbird", package: "swift-resilience"),
                .product(name: "ResilienceLogging", package: "swift-resilience"),
                .product(name: "ResilienceServiceLifecycle", package: "swift-resilience"),
                .product(name: "ResilienceTracing", package: "swift-resilience"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]),
        .executableTarget(
            name: "Upstreams", dependencies: [.product(name: "Hummingbird", package: "hummingbird")]),
    ],
    swiftLanguageModes: [.v6]
)

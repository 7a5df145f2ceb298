// swift-tools-version: 6.2
import PackageDescription

// Input from outside against the library, by libFuzzer, which comes with the toolchain. Run it by ./fuzz.
let package = Package(
    name: "Fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "swift-resilience", path: "../..")],
    targets: [
        .executableTarget(
            name: "Fuzz",
            dependencies: ["Resilience", "ResilienceFiles", "ResiliencePrometheus", "ResilienceTesting"].map {
                .product(name: $0, package: "swift-resilience")
            },
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ])
    ],
    swiftLanguageModes: [.v6]
)

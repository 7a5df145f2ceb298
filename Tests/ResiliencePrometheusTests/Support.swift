import CircuitBreakers
import Foundation
import Hedges
import ResilienceCore
import ResilienceTesting
import Retries
import Timeouts

@testable import ResiliencePrometheus

/// Adds what it is told to.
final class Source: MetricSource {
    let samples: [(family: MetricFamily, labels: [String], value: MetricValue)]

    init(_ samples: [(MetricFamily, [String], MetricValue)]) {
        self.samples = samples.map { (family: $0, labels: $1, value: $2) }
    }

    func collect(into metrics: inout MetricCollection) {
        for sample in samples { metrics.add(sample.family, sample.labels, sample.value) }
    }
}

/// One of everything that measures itself.
struct Everything {
    let clock = ManualClock()
    let calls = CallMetrics()
    let policy: Policy
    let budget: RetryBudget
    let abandoning: AbandoningPolicy
    let hedged: HedgedPolicy

    init(_ name: String = "payments") throws {
        let calls = calls
        budget = try RetryBudget(.throttle())
        let budget = budget
        policy = try Policy(name, clock: clock, observers: [calls]) {
            Timeout.layer(.seconds(10))
            Retry.layer(.constant(.milliseconds(100)), maxAttempts: 2, budget: budget)
            CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 2)))
            Timeout.layer(.seconds(1))
        }
        abandoning = try policy.abandoning(after: .seconds(2))
        hedged = try policy.hedged()
    }

    var sources: [any MetricSource] { [policy, budget.metrics(named: "shared"), abandoning, hedged, calls] }
}

/// Runs a program; returns its exit status and what it wrote.
func run(_ program: String, _ arguments: [String], input: Data = Data()) throws -> (status: Int32, output: String) {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let inputFile = folder.appending(path: "input")
    let outputFile = folder.appending(path: "output")
    try input.write(to: inputFile)
    try Data().write(to: outputFile)
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: inputFile)
    let output = try FileHandle(forWritingTo: outputFile)
    process.standardOutput = output
    process.standardError = output
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOf: outputFile, encoding: .utf8))
}

/// Where a program is installed.
func program(_ name: String) -> String? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}

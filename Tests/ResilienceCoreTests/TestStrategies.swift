import ResilienceCore
import ResilienceTesting
import TestSupport

/// Notes the order in which layers are entered and left.
final class Journal: Sendable {
    private let notes = Lock<[String]>([])

    func note(_ text: String) { notes.withLock { $0.append(text) } }
    var all: [String] { notes.withLock { $0 } }
}

struct Noting: Strategy {
    let name: String
    let journal: Journal

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        journal.note("\(name) in")
        do {
            try await next(context)
        } catch {
            journal.note("\(name) threw")
            throw error
        }
        journal.note("\(name) out")
    }
}

/// Runs the rest until it succeeds, at most so many times.
struct Trying: Strategy {
    let times: Int

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        var context = context
        while true {
            do {
                return try await next(context)
            } catch {
                if context.attempt >= times { throw error }
                context.attempt += 1
            }
        }
    }

    var layers: [LayerDescription] {
        [LayerDescription(pattern: "Trying", detail: "\(times)", strategy: self)]
    }
}

struct Refusing: Strategy {
    static let rejection = Refused(policyName: "refusing", retryAfter: .seconds(3))

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        context.report(Report.self, "refused")
        throw Self.rejection
    }
}

enum Report: ContextKey { typealias Value = String }

/// Returns without running anything: a faulty strategy.
struct Skipping: Strategy {
    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {}
}

/// Sets what inner layers find in the context.
struct Setting: Strategy {
    var deadline: Duration?
    var report: String?

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        var context = context
        if let deadline { context.deadline = context.time.now.advanced(by: deadline) }
        if let report {
            context[Report.self] = report
            context.report(Report.self, report)
        }
        try await next(context)
    }
}

/// A layer whose configuration may be at fault, and that can be observed.
final class Checked: Strategy {
    let environment: PolicyEnvironment
    let limit: Int

    private init(_ environment: PolicyEnvironment, limit: Int) {
        self.environment = environment
        self.limit = limit
    }

    static func layer(limit: Int) -> Layer<Checked> {
        Layer { environment throws(ConfigurationError) in
            var check = ConfigurationCheck("checked")
            check.require("limit", limit, atLeast: 1)
            try check.finish()
            return Checked(environment, limit: limit)
        }
    }

    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        try await next(context)
    }
}

/// A response that is not `Sendable`.
final class Response {
    let status: Int
    init(_ status: Int) { self.status = status }
}

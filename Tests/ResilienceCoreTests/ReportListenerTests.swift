import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Context: listeners")
struct ReportListenerTests {
    private enum Word: ContextKey { typealias Value = String }

    private struct Says: Strategy {
        let word: String

        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            context.report(Word.self, word)
            try await next(context)
        }
    }

    /// Hears what is reported inside.
    private final class Listener: Strategy {
        private let words = Lock<[String]>([])
        var heard: [String] { words.withLock { $0 } }

        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            try await next(
                context.reporting { [self] key, value in
                    guard key == Word.self, let word = value as? String else { return }
                    words.withLock { $0.append(word) }
                })
        }
    }

    private let outer = Listener()
    private let inner = Listener()

    private func policy() throws -> Policy {
        try Policy("p") {
            Says(word: "before")
            outer
            Says(word: "between")
            inner
            Says(word: "inside")
        }
    }

    @Test("a listener hears what is reported inside it, and not what an inner one hears")
    func nearest() async throws {
        try await policy().execute {}
        #expect(outer.heard == ["between"])
        #expect(inner.heard == ["inside"])
    }

    @Test("the execution of the call has every report, once")
    func execution() async throws {
        let execution = await (try policy()).run {}
        #expect(execution[Word.self] == ["before", "between", "inside"])
        #expect(outer.heard == ["between"] && inner.heard == ["inside"])
    }

    @Test("what is recorded of a call within the call is heard as well")
    func within() async throws {
        let says = try Policy("says") { Says(word: "within") }
        let execution = try await outer.execute { context in
            let recording = CallRecording("within", from: context)
            let outcome = try await says.outcome(from: recording.context, accepting: { _ in true }) { _ in 1 }
            return recording.execution(.success(outcome.value))
        }
        #expect(execution[Word.self] == ["within"])
        #expect(outer.heard == ["within"])
    }

    @Test("values that were set for the call stay")
    func values() async throws {
        enum Tenant: ContextKey { typealias Value = String }
        let policy = try Policy("p") { outer }.setting(Tenant.self, to: "acme")
        #expect(try await policy.execute { context in context[Tenant.self] } == "acme")
    }
}

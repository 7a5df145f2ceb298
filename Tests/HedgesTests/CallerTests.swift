import ResilienceCore
import ResilienceTesting
import Testing

@testable import Hedges

/// The caller's actor is not the attempts', but the caller comes back to it.
@Suite(.timeLimit(.minutes(30)))
struct CallerTests {
    @MainActor private final class Screen {
        var shown = 0

        func refresh(_ hedged: HedgedPolicy) async throws {
            MainActor.preconditionIsolated()
            shown = try await hedged.execute { 7 }
            MainActor.preconditionIsolated()
            do {
                shown = try await hedged.execute { throw InjectedFailure() }
            } catch {
                MainActor.preconditionIsolated()
                shown += 1
            }
            MainActor.preconditionIsolated()
            let execution = await hedged.run { context in context.hedge }
            MainActor.preconditionIsolated()
            shown += execution.value ?? 0
        }

        /// An operation that belongs to the main actor runs there.
        func refreshHere(_ hedged: HedgedPolicy) async throws {
            shown = try await hedged.execute { @MainActor in
                MainActor.preconditionIsolated()
                return self.shown + 1
            }
        }
    }

    private actor Store {
        var count = 0

        func add(_ hedge: Hedge) async {
            for _ in 0..<10 {
                do {
                    count += try await hedge.execute { context in
                        if context.hedge == 0 { throw InjectedFailure() }
                        return 1
                    }
                    preconditionIsolated()
                    _ = try await hedge.execute { throw InjectedFailure() }
                } catch {
                    preconditionIsolated()
                    count += 1
                }
            }
        }
    }

    @Test("a call from the main actor returns to it, and catches on it")
    @MainActor func mainActor() async throws {
        let hedged = try Policy("p") { CountingLayer() }.hedged(.init(delay: .fixed(.nanoseconds(1))))
        let screen = Screen()
        try await screen.refresh(hedged)
        #expect(screen.shown >= 8)
        let before = screen.shown
        try await screen.refreshHere(hedged)
        #expect(screen.shown == before + 1)
    }

    @Test("so does a call from an actor")
    func actor() async throws {
        let store = Store()
        await store.add(try Hedge("h", .init(delay: .onlyAfterFailure)))
        #expect(await store.count == 20)
    }

    @Test("attempts have the caller's priority")
    func priority() async throws {
        let hedge = try Hedge("h", .init(delay: .onlyAfterFailure))
        let task = Task(priority: .high) { try await hedge.execute { Task.currentPriority } }
        #expect(try await task.value == .high)
    }
}

import Resilience
import Testing

@testable import ResilienceDemo

@Suite("Story")
struct StoryTests {
    @Test("The breaker's changes are noted as an observer hears them")
    func breakerChanges() throws {
        let story = Story(Stopwatch())
        let protection = try Protection(.quick, seed: 1, observers: [story])
        protection.breaker.isolate()
        story.add(.phase(.down))
        let changes = story.events.map(\.change)
        #expect(changes == [.breaker(to: .isolated, reason: .manual, breakLength: nil), .phase(.down)])
    }

    @Test("What the layers do is told once in each phase")
    func layersOncePerPhase() async throws {
        let story = Story(Stopwatch())
        let protection = try Protection(.quick, seed: 1, observers: [story])
        let answer = UpstreamClient.Response(status: 200, body: "order 1")
        _ = try await protection.policy.execute(for: 1) { answer }
        protection.breaker.isolate()
        for _ in 1...3 {
            let execution = await protection.policy.run(for: 1) { throw UpstreamClient.NotHTTP() }
            #expect(execution.value == answer)
            #expect(execution.attempts == 0)
        }
        let told = story.events.map(\.change)
        #expect(told.count == 2)
        guard case .first(.servedLastGood(let age)) = told.last else {
            Issue.record("not told: \(told)")
            return
        }
        #expect(age >= .zero)
        story.add(.phase(.calm))
        _ = await protection.policy.run(for: 1) { throw UpstreamClient.NotHTTP() }
        #expect(story.events.count == 4)
        story.restart(Stopwatch())
        #expect(story.events.isEmpty)
    }
}

import ResilienceCore
import Testing

@testable import Hedges

@Suite struct ConfigurationTests {
    private func faults(_ configuration: Hedge.Configuration) -> [String] {
        do {
            try configuration.validate()
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    @Test("the defaults work")
    func defaults() throws {
        #expect(faults(.init()) == [])
        #expect(try Hedge().name == "hedge")
        #expect(try Hedge().currentDelay == nil)
    }

    @Test("more hedges than are allowed, or none")
    func maxHedges() {
        #expect(faults(.init(maxHedges: 11)) == ["hedge.maxHedges: 11 is outside 1...10"])
        #expect(faults(.init(maxHedges: 0)) == ["hedge.maxHedges: 0 is outside 1...10"])
        #expect(faults(.init(maxHedges: .min)).count == 1)
        #expect(faults(.init(maxHedges: 10)) == [])
    }

    @Test("percentiles outside 0...1, their limits included", arguments: [0, 1, -0.1, 1.1, .nan, .infinity])
    func percentile(share: Double) {
        #expect(
            faults(.init(delay: .percentile(share)))
                == ["hedge.delay.percentile: \(share) is outside 0...1, without 0 and 1"])
    }

    @Test("windows and warm-ups that cannot be")
    func window() {
        #expect(faults(.init(delay: .percentile(window: 9, warmUp: 5))).count == 1)
        #expect(faults(.init(delay: .percentile(window: 10_001))).count == 1)
        #expect(faults(.init(delay: .percentile(warmUp: 0))) == ["hedge.delay.warmUp: 0 is outside 1...1000"])
        #expect(faults(.init(delay: .percentile(window: 50, warmUp: 51))).count == 1)
        #expect(faults(.init(delay: .percentile(window: .min, warmUp: 1))).count == 1)
        #expect(faults(.init(delay: .percentile(window: 50, warmUp: 50))) == [])
    }

    @Test("negative delays, an empty list, delays that no clock can hold")
    func delays() {
        #expect(
            faults(.init(delay: .fixed(.seconds(-1)))) == ["hedge.delay: -1.0 seconds is outside 0 s...292 years"])
        #expect(faults(.init(delay: .fixed(.seconds(Int64.max)))).count == 1)
        #expect(faults(.init(delay: .list([]))) == ["hedge.delay.list: [] is empty"])
        #expect(
            faults(.init(delay: .list([.zero, .seconds(-1)])))
                == ["hedge.delay.list[1]: -1.0 seconds is outside 0 s...292 years"])
        #expect(faults(.init(delay: .percentile(minimum: .seconds(-1)))).count == 1)
        #expect(faults(.init(delay: .percentile(fallback: .seconds(-1)))).count == 1)
    }

    @Test("all faults at once, and where they are, from whatever is built")
    func all() throws {
        let bad = Hedge.Configuration(delay: .percentile(2, window: 1, warmUp: 0), maxHedges: 99)
        #expect(faults(bad).count == 4)
        #expect(throws: ConfigurationError.self) { try Hedge("h", bad) }
        let policy = try Policy("search") { CountingLayer() }
        let error = #expect(throws: ConfigurationError.self) { try policy.hedged(bad) }
        #expect(error?.faults.first?.field == "search.hedge.delay.percentile")
    }
}

internal import RateLimiters

extension RateStoreConformance {
    func checkRefill(_ found: inout RateStoreFindings) async throws {
        let start = clock.now
        var granted = try await take("refill", .quick, 10).granted
        var seen = clock.now
        // How many must have come by then: of a gap that is longer than it takes, on a busy machine, no more than the
        // burst.
        var least = 10
        for _ in 0..<5 {
            try await clock.sleep(for: .milliseconds(35))
            least += min(10, Int(seen.duration(to: clock.now) / .milliseconds(10)))
            granted += try await take("refill", .quick, 10).granted
            seen = clock.now
            let most = Int(start.duration(to: seen) / .milliseconds(10))
            found.require(
                granted <= 10 + most + 1, "No more permits come than the rate says",
                "\(granted) in \(start.duration(to: seen))")
            found.require(
                granted >= least - 1, "As many permits come as the rate says", "\(granted), and not \(least)")
        }
        try await clock.sleep(for: .milliseconds(250))
        let full = try await take("refill", .quick, 1000)
        found.require(full.granted == 10, "No more than the burst are ever there", "\(full)")

        let fine = SharedQuotaRule(permits: 1_000_000_000, period: .seconds(1), burst: 1_000_000_000)
        let many = try await take("fine", fine, 1_000_000_000)
        found.require(
            many.granted == 1_000_000_000 && many.resetAfter > .milliseconds(990)
                && many.resetAfter <= .milliseconds(1000),
            "A permit each nanosecond is counted exactly", "\(many)")
        let rare = SharedQuotaRule(permits: 1, period: .seconds(366 * 86_400), burst: 100)
        let few = try await take("rare", rare, 100)
        found.require(
            few.granted == 100 && few.resetAfter > rare.period * 99 && few.resetAfter <= rare.period * 100,
            "A permit each year is counted exactly", "\(few)")
    }

    func checkReturns(_ found: inout RateStoreFindings) async throws {
        let first = try await take("returns", .slow, 10)
        let second = try await take("returns", .slow, 10)
        var back = try await take("returns", .slow, 0, minimum: 0, returned: 4)
        found.require(back.remaining == 0, "Nothing is given back without a receipt", "\(back)")
        back = try await take("returns", .slow, 0, minimum: 0, returned: 4, receipt: second.receipt)
        found.require(back.remaining == 4, "Permits given back are there again", "\(back)")
        back = try await take("returns", .slow, 6, minimum: 6, returned: 2, receipt: first.receipt)
        found.require(
            back.granted == 6, "Permits are given back before others are taken, also those of an earlier grant",
            "\(back)")
        back = try await take("returns", .slow, 0, minimum: 0, returned: Int.max, receipt: first.receipt)
        found.require(back.remaining <= 20, "No more than the burst are there after all are given back", "\(back)")

        let taken = try await take("late", .quick, 10)
        try await clock.sleep(for: .milliseconds(120))
        let sent = clock.now
        let others = try await take("late", .quick, 10)
        let late = try await take("late", .quick, 10, returned: 10, receipt: taken.receipt)
        // So many have come meanwhile, on a busy machine or a slow way.
        let new = Int(sent.duration(to: clock.now) / .milliseconds(10)) + 1
        found.require(
            others.granted == 10 && late.granted <= new,
            "What has come again by itself is not given back too", "\(others.granted) and \(late.granted) more")
    }

    func checkOtherRules(_ found: inout RateStoreFindings) async throws {
        var strict = SharedQuotaRule.slow
        strict.burst = 5
        _ = try await take("rules", .slow, 18)
        let none = try await take("rules", strict, 1)
        found.require(none.granted == 0, "A stricter burst holds for who has it", "\(none)")
        let two = try await take("rules", .slow, 20)
        found.require(two.granted == 2, "A stricter burst of another node forgives nothing", "\(two)")

        _ = try await take("rates", .slow, 18)
        let faster = SharedQuotaRule(permits: 1, period: .seconds(1800), burst: 20)
        let kept = try await take("rates", faster, 20)
        found.require(
            kept.granted == 1 || kept.granted == 2, "Permits in use stay so under another rate", "\(kept)")
        found.require(
            kept.resetAfter <= .seconds(1801 * 20), "Permits in use come again at the new rate", "\(kept)")
    }
}

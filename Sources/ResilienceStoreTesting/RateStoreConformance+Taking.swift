internal import RateLimiters

extension RateStoreConformance {
    func checkTaking(_ found: inout RateStoreFindings) async throws {
        let new = try await take("new", .slow, 0, minimum: 0)
        found.require(
            new.granted == 0 && new.remaining == 20 && new.retryAfter == .zero && new.resetAfter == .zero,
            "A quota that nobody has used is full, and to ask for nothing takes nothing", "\(new)")
        let some = try await take("new", .slow, 5)
        found.require(
            some.granted == 5 && some.remaining == 15 && some.retryAfter == .zero,
            "As many as were asked for are taken if they are there", "\(some)")
        found.require(
            some.resetAfter > .seconds(5 * 3590) && some.resetAfter <= .seconds(5 * 3600),
            "It is full again when as many have come as were taken", "\(some)")
        let rest = try await take("new", .slow, 1000)
        found.require(
            rest.granted == 15 && rest.remaining == 0, "As many as there are are taken if more were asked for",
            "\(rest)")
        let none = try await take("new", .slow, 1)
        found.require(none.granted == 0 && none.remaining == 0, "None are taken where there are none", "\(none)")
        found.require(
            none.retryAfter.map { $0 > .seconds(3590) && $0 <= .seconds(3600) } ?? false,
            "It is told when the next permit comes", "\(none)")
    }

    func checkMinimum(_ found: inout RateStoreFindings) async throws {
        _ = try await take("minimum", .slow, 17)
        let none = try await take("minimum", .slow, 10, minimum: 5)
        found.require(
            none.granted == 0 && none.remaining == 3, "None are taken if there are fewer than the least of use",
            "\(none)")
        found.require(
            none.retryAfter.map { $0 > .seconds(2 * 3590) && $0 <= .seconds(2 * 3600) } ?? false,
            "It is told when the least of use is there", "\(none)")
        let never = try await take("minimum", .slow, 30, minimum: 21)
        found.require(
            never.granted == 0 && never.retryAfter == nil, "It is told that more than the burst never are there",
            "\(never)")
        let some = try await take("minimum", .slow, 10, minimum: 3)
        found.require(
            some.granted == 3 && some.retryAfter == .zero, "The least of use is taken if no more are there", "\(some)")
    }

    func checkOddNumbers(_ found: inout RateStoreFindings) async throws {
        for number in [Int.min, -1, Int.max] {
            let grant = try await take("odd", .slow, min(number, 0), minimum: number, returned: number)
            found.require(
                grant.granted == 0, "Nothing is taken by who wants none, whatever the other numbers are",
                "\(grant) for \(number)")
        }
        let grant = try await take("odd", .slow, 30)
        found.require(grant.granted == 20, "Odd numbers leave a quota as it is", "\(grant)")
    }

    func checkNames(_ found: inout RateStoreFindings) async throws {
        let names: [(quota: String, key: String?)] = [
            ("a", nil), ("a", ""), ("a", "b"), ("a:b", nil), ("a:", "b"), ("a", ":b"), ("ab", nil), ("A", nil),
            ("{a}", nil), ("{a}b", "{c}"), ("}{", "}{"), ("a b", nil), ("a\r\nb", nil), ("a\u{0}b", nil),
            ("a", "\u{0}"), ("ä", nil), ("🙂", "🙂"), ("%61", nil), ("a*", "?"), ("a", "nil"), ("", nil), ("", ""),
            (String(repeating: "a", count: 1000), nil), ("a", String(repeating: "k", count: 1000)),
        ]
        for (quota, key) in names {
            let grant = try await take(quota, key: key, .slow, 20)
            found.require(
                grant.granted == 20, "Quotas and keys of different names have nothing in common",
                "\(quota.debugDescription), \(key?.debugDescription ?? "no key") got \(grant.granted)")
        }
    }

    func checkAtomicity(_ found: inout RateStoreFindings) async throws {
        for round in 0..<5 {
            let granted = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 {
                    group.addTask { try await take("atomic\(round)", .slow, 1).granted }
                }
                return try await group.reduce(0, +)
            }
            found.require(
                granted == 20, "Of all who ask at once as many get permits as there are",
                "\(granted) of 20 were granted")
        }
    }
}

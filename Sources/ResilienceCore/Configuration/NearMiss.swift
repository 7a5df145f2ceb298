/// Finds the name that was meant by one that is not known.
package enum NearMiss {
    /// The most similar of the known names, alike first those of other case or other separators; none if all are far.
    ///
    /// - Parameter limit: How many at most.
    package static func candidates(
        for name: String, among known: some Sequence<String>, limit: Int = 1
    ) -> [String] {
        let key = simplified(name)
        guard !key.isEmpty, key.count <= 64 else { return [] }
        let tolerance = max(1, key.count / 3)
        var found: [(name: String, distance: Int)] = []
        for candidate in known {
            let other = simplified(candidate)
            guard abs(other.count - key.count) <= tolerance else { continue }
            let distance = edits(key, other)
            if distance <= tolerance && distance < max(key.count, other.count) { found.append((candidate, distance)) }
        }
        found.sort { ($0.distance, $0.name) < ($1.distance, $1.name) }
        return found.prefix(limit).map(\.name)
    }

    /// `; did you mean maxAttempts?`, or nothing.
    package static func question(for name: String, among known: some Sequence<String>) -> String {
        candidates(for: name, among: known).first.map { "; did you mean \($0)?" } ?? ""
    }

    /// Without what people get wrong when they spell a key: `max_attempts` and `MaxAttempts` are `maxattempts`.
    private static func simplified(_ name: String) -> [UInt8] {
        guard name.utf8.count <= 256 else { return [] }
        return name.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
    }

    /// Insertions, deletions, substitutions and exchanges of neighbours ("optimal string alignment").
    private static func edits(_ a: [UInt8], _ b: [UInt8]) -> Int {
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i]
            row.reserveCapacity(b.count + 1)
            for j in 1...b.count {
                let cost = a[i - 1] == b[j - 1] ? 0 : 1
                var best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, beforeLast[j - 2] + 1) }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}

/// The calls that a rule looks at: an array, in the order in which they ended.
struct ReferenceWindow {
    struct Entry {
        var letter: Character
        var isSlow = false
        var start: Int
    }

    var kind: ReferenceSettings.Window
    /// Where one of the parts of a window of time begins.
    var grid: Int
    var entries: [Entry] = []
    var consecutiveSuccesses = 0
    var consecutiveFailures = 0

    init(_ kind: ReferenceSettings.Window, now: Int) {
        self.kind = kind
        grid = now
    }

    func count(_ letter: Character) -> Int { entries.count { $0.letter == letter } }
    var slow: Int { entries.count { $0.isSlow } }
    var calls: Int { count("S") + count("F") }

    private func width(_ length: Int, _ parts: Int) -> Int { (length + parts - 1) / parts }

    /// When the part began that a moment lies in.
    private func partStart(_ moment: Int, _ width: Int) -> Int {
        let rest = (moment - grid) % width
        return moment - (rest < 0 ? rest + width : rest)
    }

    private func isRemembered(_ start: Int, now: Int) -> Bool {
        guard case .time(let length, let parts) = kind else { return true }
        let width = width(length, parts)
        return partStart(start, width) > partStart(now, width) - parts * width
    }

    /// Whether a call that ends now started more than half of the window ago.
    private func isNews(_ start: Int, now: Int) -> Bool {
        guard case .time(let length, let parts) = kind else { return false }
        let width = width(length, parts)
        return (partStart(now, width) - partStart(start, width)) / width > parts / 2
    }

    mutating func forget(now: Int) {
        entries = entries.filter { isRemembered($0.start, now: now) }
        if case .calls(let size) = kind {
            var surplus = calls - size
            entries.removeAll { entry in
                guard entry.letter != "X", surplus > 0 else { return false }
                surplus -= 1
                return true
            }
        }
    }

    mutating func add(_ entry: Entry, now: Int) {
        forget(now: now)
        var entry = entry
        if isNews(entry.start, now: now) { entry.start = now }
        entries.append(entry)
        switch entry.letter {
        case "S": (consecutiveSuccesses, consecutiveFailures) = (consecutiveSuccesses + 1, 0)
        case "F": (consecutiveSuccesses, consecutiveFailures) = (0, consecutiveFailures + 1)
        default: break
        }
        forget(now: now)
    }

    /// What another window remembers, as far as it fits this kind.
    static func adopting(
        _ old: ReferenceWindow, oldNow: Int, kind: ReferenceSettings.Window, now: Int
    ) -> ReferenceWindow {
        var new = ReferenceWindow(kind, now: now)
        new.consecutiveSuccesses = old.consecutiveSuccesses
        new.consecutiveFailures = old.consecutiveFailures
        new.entries = old.entries
        switch (old.kind, kind) {
        case (.time(let length, let parts), .time(let newLength, let newParts)):
            // A part is moved as a whole; where parts are of the same length, they end when they would have.
            let oldWidth = old.width(length, parts)
            for index in new.entries.indices {
                new.entries[index].start = old.partStart(new.entries[index].start, oldWidth) - oldNow + now
            }
            if let youngest = new.entries.map(\.start).max() {
                new.grid = now - (now - youngest) % new.width(newLength, newParts)
            }
        case (_, .time):
            for index in new.entries.indices { new.entries[index].start = now }
        case (.unbounded, .calls(let size)), (.time, .calls(let size)):
            new.entries = old.spread(over: size, now: now)
        default: break
        }
        new.forget(now: now)
        return new
    }

    /// As many calls as fit, the failures and slow ones among them evenly.
    private func spread(over size: Int, now: Int) -> [Entry] {
        let calls = calls
        func isHit(_ share: Int, _ index: Int) -> Bool {
            (share * (index + 1) + calls / 2) / calls > (share * index + calls / 2) / calls
        }
        let spread = (0..<min(size, calls)).map { index in
            Entry(letter: isHit(count("F"), index) ? "F" : "S", isSlow: isHit(slow, index), start: now)
        }
        return entries.filter { $0.letter == "X" } + spread
    }
}

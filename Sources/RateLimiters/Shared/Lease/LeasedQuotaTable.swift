internal import ResilienceCore
internal import Synchronization

/// The quotas of keys, spread over shards, so many at most.
///
/// A quota that is forgotten gives its permits back, so that forgetting any is harmless. Those go first that were not
/// used since they were last looked at (the clock algorithm), and never one that calls wait for.
final class LeasedQuotaTable<Key: Hashable & Sendable>: Sendable {
    private struct Entry: Sendable {
        let key: Key
        let quota: LeasedQuota
        var isRecent = true
    }

    private struct Shard: Sendable {
        var places: [Key: Int] = [:]
        var entries: [Entry] = []
        var hand = 0

        /// Looks at some entries, and takes one out that can be forgotten.
        mutating func forgetOne(of looks: Int) -> LeasedQuota? {
            for _ in 0..<min(looks, entries.count) {
                hand = (hand + 1) % entries.count
                if entries[hand].isRecent {
                    entries[hand].isRecent = false
                } else if entries[hand].quota.isForgettable {
                    return remove(at: hand).quota
                }
            }
            return nil
        }

        mutating func remove(at place: Int) -> Entry {
            let entry = entries[place]
            places[entry.key] = nil
            let last = entries.removeLast()
            if place < entries.count {
                entries[place] = last
                places[last.key] = place
            }
            return entry
        }
    }

    private final class LockedShard: Sendable {
        let state = Lock(Shard())
    }

    private let shared: SharedQuotaLink
    private let keyName: @Sendable (Key) -> String
    private let shards: [LockedShard]
    private let maxKeys: Int
    private let number = Atomic(0)
    let refusedKeys = Atomic(0)

    init(_ shared: SharedQuotaLink, maxKeys: Int, _ keyName: @escaping @Sendable (Key) -> String) {
        (self.shared, self.keyName, self.maxKeys) = (shared, keyName, maxKeys)
        shards = (0..<(maxKeys < 1024 ? 1 : 16)).map { _ in LockedShard() }
    }

    /// How many keys there are.
    var count: Int { number.load(ordering: .relaxed) }

    /// The quota of a key, made if it is new.
    func quota(for key: Key) throws(RateLimiter.TooManyKeysError) -> LeasedQuota {
        let shard = shards[shards.count == 1 ? 0 : Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))]
        if let known = shard.state.withLock({ findLocked(key, in: &$0) }) { return known }
        // What it is called is the user's to say, and so asked outside the lock.
        let plan = LeasePlan(shared.plan, key: keyName(key))
        let new = LeasedQuota(shared, plan)
        let most = max(1, maxKeys / shards.count)
        let (quota, forgotten, grown) = shard.state.withLock { shard -> (LeasedQuota?, [LeasedQuota], Int) in
            if let known = findLocked(key, in: &shard) { return (known, [], 0) }
            var forgotten: [LeasedQuota] = []
            // Two looks for each new key keep the number near that of the keys in use; when there is no room, all are
            // looked at, twice, because the first look may only find that they were used.
            if let old = shard.forgetOne(of: 2) { forgotten.append(old) }
            if shard.entries.count >= most {
                guard let old = shard.forgetOne(of: min(2 * shard.entries.count, 256)) else {
                    return (nil, forgotten, -forgotten.count)
                }
                forgotten.append(old)
            }
            shard.places[key] = shard.entries.count
            shard.entries.append(Entry(key: key, quota: new))
            return (new, forgotten, 1 - forgotten.count)
        }
        number.wrappingAdd(grown, ordering: .relaxed)
        for old in forgotten { giveBack(old) }
        if let quota {
            // Updated before this was among those that were updated.
            if shared.plan.version != plan.version { update(quota) }
            return quota
        }
        refusedKeys.wrappingAdd(1, ordering: .relaxed)
        let error = RateLimiter.TooManyKeysError(policyName: shared.name, maxKeys: maxKeys)
        shared.refuseKey(error, key: new.key)
        throw error
    }

    private func findLocked(_ key: Key, in shard: inout Shard) -> LeasedQuota? {
        guard let place = shard.places[key] else { return nil }
        shard.entries[place].isRecent = true
        return shard.entries[place].quota
    }

    /// A call that found the quota just before may still take its permits, or ask for some: they are given back when it
    /// goes.
    private func giveBack(_ quota: LeasedQuota) {
        for request in quota.giveUpAll() { shared.giveBack(request) }
    }

    /// Brings all up to what is in force now.
    func update() {
        for quota in all { update(quota) }
    }

    private func update(_ quota: LeasedQuota) { quota.update(LeasePlan(shared.plan, key: quota.key)) }

    var all: [LeasedQuota] { shards.flatMap { shard in shard.state.withLock { $0.entries.map(\.quota) } } }

    func giveUpAll() -> [PermitRequest] { all.flatMap { $0.giveUpAll() } }

    /// The permits that are held, and the calls that wait.
    var figures: (held: Int, waiting: Int) {
        all.reduce(into: (0, 0)) { sum, quota in
            let figures = quota.figures
            sum = (sum.0.addingSaturated(figures.held), sum.1.addingSaturated(figures.waiting))
        }
    }
}

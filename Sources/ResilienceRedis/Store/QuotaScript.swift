#if Redis
    extension RedisScript {
        /// `SharedQuotaRecord.take`, step by step. An amount of time is two numbers: microseconds, and the picoseconds
        /// beyond.
        ///
        /// One hash for a quota, or for a key of one. `v`: the version; `u`, `r`: the instant at which it is full; `i`,
        /// `j`: the interval of permits by which that is counted; `m`: the longest debt; `s`, `g`: since when the
        /// period runs, and what was given back in it.
        static let quota = RedisScript(
            #"""
            local wanted, minimum, back, receipt_since, position =
              num(ARGV[3]), num(ARGV[4]), num(ARGV[5]), num(ARGV[6]), num(ARGV[7])
            local iu, ip, burst = num(ARGV[8]), num(ARGV[9]), num(ARGV[10])
            local function mul(n)
              local p = n * ip
              local carry = floor(p / 1000000)
              return n * iu + carry, p - carry * 1000000
            end
            local function add(u, p, v, q)
              if p + q >= 1000000 then return u + v + 1, p + q - 1000000 end
              return u + v, p + q
            end
            local function sub(u, p, v, q)
              if p < q then return u - v - 1, p - q + 1000000 end
              return u - v, p - q
            end
            local function less(u, p, v, q) return u < v or (u == v and p < q) end
            local function up(u, p) return p > 0 and u + 1 or u end

            -- The debt.
            local fu, fp, longest, since, returned = num(f.u), num(f.r), num(f.m) or 0, num(f.s), num(f.g) or 0
            local du, dp, begins = 0, 0, true
            if fu and longest > 0 and less(now, 0, fu, fp) then
              du, dp, begins = fu - now, fp, false
              if less(longest, 0, du, dp) then du, dp, begins = longest, 0, true end
              local oi, oj = num(f.i), num(f.j)
              if oi ~= iu or oj ~= ip then
                local scaled = up(du, dp) * (iu + ip / 1000000) / (oi + oj / 1000000)
                longest = ceil(min(scaled, 3162240000000000))
                du, dp, begins = longest, 0, true
              end
            end
            if begins or returned >= 1000000000000000 then
              since = since and max(now, since + 1) or now
              returned = 0
            end

            -- What is given back.
            if receipt_since == since then
              local cu, cp = mul(min(max(0, back), burst))
              if less(du, dp, cu, cp) then cu, cp = du, dp end
              local left = position - returned - now
              if less(left, 0, cu, cp) then cu, cp = left, 0 end
              if cu >= 0 then
                du, dp = sub(du, dp, cu, cp)
                returned = returned + up(cu, cp)
              end
            end

            -- What is taken.
            local room_u, room_p = sub(0, 0, du, dp)
            local cap_u, cap_p = mul(burst)
            room_u, room_p = add(room_u, room_p, cap_u, cap_p)
            local available = 0
            if room_u >= 0 then
              available = min(burst, floor((room_u + room_p / 1000000) / (iu + ip / 1000000)))
              while available > 0 do
                local u, p = mul(available)
                if not less(room_u, room_p, u, p) then break end
                available = available - 1
              end
              while available < burst do
                local u, p = mul(available + 1)
                if less(room_u, room_p, u, p) then break end
                available = available + 1
              end
            end
            wanted = max(0, wanted)
            minimum = min(max(0, minimum), wanted)
            local granted = available >= minimum and min(available, wanted) or 0
            if granted > 0 then
              local u, p = mul(granted)
              du, dp = add(du, dp, u, p)
              longest = up(cap_u, cap_p)
            end

            local retry = 0
            if available < minimum then
              if minimum > burst then
                retry = -1
              else
                local u, p = mul(minimum)
                u, p = sub(u, p, room_u, room_p)
                retry = max(0, up(u, p))
              end
            end
            put('u', (du > 0 or dp > 0) and str(now + du) or ''); put('r', str(dp)); put('i', str(iu)); put('j', str(ip)); put('m', str(longest))
            put('s', str(since)); put('g', str(returned))
            save(ceil(du / 1000) + 1000)
            return {granted, available - granted, retry, up(du, dp), since, now + du + returned}
            """#)

        /// `BudgetReport.balance`. One hash: `v`, the version; `t`, the tokens in millionths.
        static let budget = RedisScript(
            #"""
            local change, capacity, known = num(ARGV[3]), num(ARGV[4]), num(ARGV[5])
            local start = min(max(0, num(f.t) or known), capacity)
            local tokens = min(max(0, start + change), capacity)
            put('t', str(tokens))
            save(3600000)
            return {tokens}
            """#)

        /// The longer of two pauses. One hash: `v`, the version; `u`, the end in microseconds. The end of one that is
        /// longer than before is told to all nodes.
        static let pause = RedisScript(
            #"""
            local delay, service, channel = num(ARGV[3]), ARGV[4], ARGV[5]
            local rest = max(0, (num(f.u) or now) - now)
            -- Where the server's clock was set back nobody waits longer than anybody may ask for.
            rest = min(rest, 86400000000)
            if delay > rest then
              rest = delay
              put('u', str(now + rest))
              save(ceil(rest / 1000) + 1000)
              publish(channel, table.concat({ARGV[1], str(rest), escaped(service)}, ' '))
            end
            return {rest}
            """#)

        /// Whether what is needed is there: scripts that read the clock, write and publish.
        static let check = RedisScript(
            #"""
            put('t', str(now))
            save(1000)
            redis.call('PUBLISH', ARGV[3], ARGV[1])
            return {1}
            """#)
    }
#endif

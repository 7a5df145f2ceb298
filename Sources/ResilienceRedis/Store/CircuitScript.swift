#if Redis
    extension RedisScript {
        /// `SharedCircuitRecord.merge`, step by step.
        ///
        /// One hash for a circuit. `v`: the version; `p`, `u`, `h`: the phase (`c`losed, `o`pen, `p`robing), its end
        /// and the node that holds the lease; `e`: the epoch; `o`: how often in a row it opened; `s`: since when it
        /// counts; `l`, `k`: the latest time, and the correction of the clock; `tc`, `tf`, `ts`, `tn`, `tw`: what was
        /// counted when the rule was last looked at. `n:` and a node: when it was last heard of, when its first slot
        /// began, the sums of its slots and the greatest number that was dropped; then each slot with its number, start
        /// and counts.
        static let circuit = RedisScript(
            #"""
            local node, asked, known_phase, known_rest = ARGV[3], num(ARGV[4]), ARGV[5], num(ARGV[6])
            local known_holder, known_opens = ARGV[7], num(ARGV[8])
            local request, length = ARGV[9], num(ARGV[10])
            local trip, threshold, minimum, window = num(ARGV[11]), num(ARGV[12]), num(ARGV[13]), num(ARGV[14])
            local min_nodes, min_share, node_share = num(ARGV[15]), num(ARGV[16]), num(ARGV[17])
            local break_length, factor, longest = num(ARGV[18]), num(ARGV[19]), num(ARGV[20])
            local channel = ARGV[21]
            local most_epoch = 4503599627370496

            local phase, over, holder = f.p or 'c', num(f.u) or 0, f.h or ''
            local epoch, opens, since = num(f.e) or 0, num(f.o) or 0, num(f.s)
            local tc, tf, ts, tn, tw = num(f.tc) or 0, num(f.tf) or 0, num(f.ts) or 0, num(f.tn) or 0, num(f.tw) or 0
            local first_epoch, first_phase = epoch, phase
            local dropped = {}

            -- Nodes: what is not needed of one is not read.
            local function parsed(text)
              if type(text) == 'table' then return text end
              local seen, earliest, c, fl, s, least = string.match(text, '^(%S+) (%S+) (%d+) (%d+) (%d+) ([^;]+)')
              return {seen = num(seen), earliest = num(earliest), c = num(c), f = num(fl), s = num(s),
                least = num(least), text = text}
            end
            local function read_slots(n)
              if n.slots then return end
              n.slots, n.number = {}, 0
              for number, start, c, fl, s in string.gmatch(n.text or '', ';(%S-),(%S-),(%d+),(%d+),(%d+)') do
                n.slots[num(number)] = {num(start), num(c), num(fl), num(s)}
                n.number = n.number + 1
              end
            end
            local function drop(n, number)
              n.slots[number] = nil
              n.number = n.number - 1
              if not n.least or number > n.least then n.least = number end
            end
            local function add_up(n)
              n.c, n.f, n.s, n.earliest, n.changed = 0, 0, 0, nil, true
              for _, slot in pairs(n.slots) do
                n.c, n.f, n.s = n.c + slot[2], n.f + slot[3], n.s + slot[4]
                if not n.earliest or slot[1] < n.earliest then n.earliest = slot[1] end
              end
            end
            local function written(n)
              read_slots(n)
              local parts = {str(n.seen) .. ' ' .. (n.earliest and str(n.earliest) or '-') .. ' ' .. str(n.c) .. ' '
                .. str(n.f) .. ' ' .. str(n.s) .. ' ' .. (n.least and str(n.least) or '-')}
              for number, slot in pairs(n.slots) do
                parts[#parts + 1] = table.concat(
                  {str(number), str(slot[1]), str(slot[2]), str(slot[3]), str(slot[4])}, ',')
              end
              return table.concat(parts, ';')
            end

            local function clear()
              for name, text in pairs(nodes) do
                local n = parsed(text)
                nodes[name] = n
                if n.c > 0 or n.earliest then
                  n.slots, n.number = {}, 0
                  add_up(n)
                end
              end
            end
            local function change(new, ends, by)
              phase, over, holder = new, ends or 0, by or ''
              epoch = min(epoch + 1, most_epoch)
              clear()
            end

            -- Time.
            local correction, latest = num(f.k) or 0, num(f.l)
            now = min(max(now, -most_epoch), most_epoch)
            if latest and now + correction < latest then correction = latest - now end
            local t = now + correction

            local function open(len)
              opens = min(opens + 1, 100000000)
              change('o', t + len)
            end
            local function close()
              opens, since = 0, t
              tc, tf, ts, tn, tw = 0, 0, 0, 0, 0
              change('c')
            end
            local function next_break()
              local len = min(break_length, longest)
              if factor > 1000 then
                local rest = opens
                while rest > 0 and len < longest do
                  len = min(longest, floor(len * factor / 1000))
                  rest = rest - 1
                end
              end
              return len
            end

            -- Adopting.
            local ranks = {c = 0, p = 1, o = 2}
            local known = min(max(asked, 0), most_epoch)
            if known > epoch or (known == epoch and ranks[known_phase] > ranks[phase]) then
              phase, over, holder = known_phase, t + known_rest, known_holder
              epoch, opens = known, known_opens
              for name in pairs(nodes) do dropped[#dropped + 1] = 'n:' .. name end
              nodes, count = {}, 0
              tc, tf, ts, tn, tw = 0, 0, 0, 0, 0
            end

            -- Leases.
            if phase == 'p' and over <= t then change('o', t) end
            local is_unknown = phase == 'c' and not nodes[node]

            -- Counts.
            local own = nodes[node] and parsed(nodes[node])
            if not own and count < 4096 then
              own = {c = 0, f = 0, s = 0, slots = {}, number = 0}
              count = count + 1
            end
            if own then
              nodes[node] = own
              own.seen, own.changed = t, true
            end
            if own and phase == 'c' and #ARGV > 21 then
              read_slots(own)
              for i = 22, #ARGV - 4, 5 do
                local number, start = num(ARGV[i]), t - num(ARGV[i + 1])
                if (not since or start >= since) and start > t - window and (not own.least or number > own.least) then
                  local slot = own.slots[number]
                  if not slot then
                    slot = {start, 0, 0, 0}
                    own.slots[number] = slot
                    own.number = own.number + 1
                  end
                  slot[1] = min(slot[1], start)
                  for j = 2, 4 do slot[j] = max(slot[j], num(ARGV[i + j])) end
                  while own.number > 64 do
                    local oldest
                    for n in pairs(own.slots) do if not oldest or n < oldest then oldest = n end end
                    drop(own, oldest)
                  end
                end
              end
              add_up(own)
            end

            -- The request.
            local is_current = asked == epoch
            local holds = phase == 'p' and holder == node and length == epoch
            if request == 'l' then
              if is_current and phase == 'o' and over <= t then change('p', t + length, node) end
            elseif request == 's' then
              if holds then close() end
            elseif request == 'f' then
              if holds then open(next_break()) end
            elseif request == 'g' then
              if holds then change('o', t) end
            elseif request == 'o' then
              if is_current then open(length) end
            elseif request == 'c' then
              if is_current then close() end
            end

            -- The rule.
            if phase == 'c' then
              local start, heads, calls = t - window, {}, 0
              local forgotten, alive = t - max(2 * window, 6000000), t - max(window, 6000000)
              local earliest, silent = math.huge, {}
              local function shows(c, fl, s)
                if trip == 0 then return fl >= 1 end
                return (trip == 2 and s or fl) * 1000000 >= threshold * c
              end
              tn, tw = 0, 0
              for name, text in pairs(nodes) do
                local n = parsed(text)
                nodes[name] = n
                if n.earliest and n.earliest <= start then
                  read_slots(n)
                  local old = {}
                  for number, slot in pairs(n.slots) do if slot[1] <= start then old[#old + 1] = number end end
                  for _, number in ipairs(old) do drop(n, number) end
                  add_up(n)
                end
                if n.seen <= forgotten then
                  dropped[#dropped + 1] = 'n:' .. name
                  n.gone = true
                elseif n.c > 0 then
                  heads[#heads + 1] = n
                  tn, calls, earliest = tn + 1, calls + n.c, min(earliest, n.earliest)
                  if shows(n.c, n.f, n.s) then tw = tw + 1 end
                else
                  silent[#silent + 1] = n.seen
                end
              end
              local undecided = 0
              for _, seen in ipairs(silent) do
                if seen < earliest and seen > alive then undecided = undecided + 1 end
              end
              local unit, sc, sf, ss = 1, 0, 0, 0
              if calls > 90000000 then
                unit = floor((calls + 89999999) / 90000000)
                calls = 0
                for _, n in ipairs(heads) do calls = calls + floor(n.c / unit) end
              end
              for _, n in ipairs(heads) do
                local c, fl, s = floor(n.c / unit), floor(n.f / unit), floor(n.s / unit)
                if node_share < 1000000 then
                  local cap = floor((calls - c) * node_share / (1000000 - node_share))
                  if c > cap then c, fl, s = cap, floor(fl * cap / c), floor(s * cap / c) end
                end
                sc, sf, ss = sc + c, sf + fl, ss + s
              end
              tc, tf, ts = sc * unit, sf * unit, ss * unit
              local opens_now = tw >= max(min_nodes, floor((min_share * (tn + undecided) + 999999) / 1000000))
              if trip == 0 then
                opens_now = opens_now and tf >= threshold
              else
                opens_now = opens_now and tc >= minimum and shows(sc, sf, ss)
              end
              if opens_now then open(next_break()) end
            end

            -- What is kept.
            for i = 1, #dropped, 1000 do
              redis.call('HDEL', KEYS[1], unpack(dropped, i, min(i + 999, #dropped)))
            end
            for name, n in pairs(nodes) do
              if type(n) == 'table' and n.changed and not n.gone then
                redis.call('HSET', KEYS[1], 'n:' .. name, written(n))
              end
            end
            local rest = phase == 'c' and 0 or max(0, over - t)
            put('p', phase); put('u', str(over)); put('h', holder); put('e', str(epoch)); put('o', str(opens))
            if since then put('s', str(since)) end
            put('l', str(t)); put('k', str(correction))
            put('tc', str(tc)); put('tf', str(tf)); put('ts', str(ts)); put('tn', str(tn)); put('tw', str(tw))
            save(ceil((rest + 2 * window) / 1000) + 3600000)
            if epoch ~= first_epoch or phase ~= first_phase then
              publish(channel, table.concat({ARGV[1], phase, str(rest), str(epoch), str(opens), str(tc),
                str(tf), str(ts), str(tn), str(tw), escaped(holder)}, ' '))
            end
            return {phase, rest, holder, epoch, opens, tc, tf, ts, tn, tw, is_unknown and 1 or 0}
            """#)

        /// `SharedCircuitRecord.state(now:)`: what is known, unchanged.
        static let state = RedisScript(
            #"""
            local t = max(num(f.l) or now, now + (num(f.k) or 0))
            local phase = f.p or 'c'
            return {phase, phase == 'c' and 0 or max(0, num(f.u) - t), f.h or '', num(f.e) or 0, num(f.o) or 0,
              num(f.tc) or 0, num(f.tf) or 0, num(f.ts) or 0, num(f.tn) or 0, num(f.tw) or 0, 0}
            """#)
    }
#endif

;; The two loops of sntrup761-plain.ts on eight coefficients of 16 bits at once; see there for what they compute. What the loops do
;; depends on lengths alone. Everything lives in the memory, which is zero where nothing else is said:
;;   4096  f, 6144  g, 8192  v, 10240  r: 16 bits a coefficient
;;  12288  a, 14336  as many zeros as there are coefficients, and then b backwards: factors, 16 bits a coefficient
;;  20480  sums of products, 32 bits each
(module
  (memory (export "memory") 1)

  ;; What a coefficient is multiplied with, and the same divided by m as a fraction of 15 bits: x·by - m·round(x·by/m) is then
  ;; made of the low halves of products, and is below m·(1/2 + |x|/2^16) whatever x·by is. The difference of two stays below
  ;; 1.17·m, if all was before: nothing overflows, and only f[0] and g[0] have to be the nearest to 0.
  (global $m (mut v128) (v128.const i32x4 0 0 0 0))
  (global $byG (mut v128) (v128.const i32x4 0 0 0 0))
  (global $byF (mut v128) (v128.const i32x4 0 0 0 0))
  (global $byGOverM (mut v128) (v128.const i32x4 0 0 0 0))
  (global $byFOverM (mut v128) (v128.const i32x4 0 0 0 0))
  ;; all ones where f and g, v and r swap
  (global $swap (mut v128) (v128.const i32x4 0 0 0 0))

  ;; Does `steps` division steps modulo m for polynomials of `degree`, and gives the delta after them.
  (func (export "divisionSteps") (param $steps i32) (param $degree i32) (param $m i32) (result i32)
    (local $step i32) (local $delta i32) (local $swap i32) (local $sign i32) (local $f0 i32) (local $g0 i32)
    (global.set $m (i16x8.splat (local.get $m)))
    (local.set $delta (i32.const 1))
    (loop $next
      (local.set $f0 (call $centred (i32.load16_s (i32.const 4096)) (local.get $m)))
      (local.set $g0 (call $centred (i32.load16_s (i32.const 6144)) (local.get $m)))
      ;; 1 if delta > 0 and g[0] is not 0
      (local.set $swap (i32.and
        (i32.shr_u (i32.sub (i32.const 0) (local.get $delta)) (i32.const 31))
        (i32.shr_u (i32.or (local.get $g0) (i32.sub (i32.const 0) (local.get $g0))) (i32.const 31))))
      (local.set $sign (i32.sub (i32.const 1) (i32.shl (local.get $swap) (i32.const 1))))
      (local.set $delta (i32.add (i32.const 1) (i32.mul (local.get $sign) (local.get $delta))))
      (local.set $f0 (i32.mul (local.get $sign) (local.get $f0)))
      (local.set $g0 (i32.mul (local.get $sign) (local.get $g0)))
      (global.set $swap (i16x8.splat (i32.sub (i32.const 0) (local.get $swap))))
      (global.set $byG (i16x8.splat (local.get $f0)))
      (global.set $byF (i16x8.splat (local.get $g0)))
      (global.set $byGOverM (i16x8.splat (call $quotient (i32.shl (local.get $f0) (i32.const 15)) (local.get $m))))
      (global.set $byFOverM (i16x8.splat (call $quotient (i32.shl (local.get $g0) (i32.const 15)) (local.get $m))))
      (call $divide (call $least (local.get $degree)
        (i32.sub (i32.sub (local.get $steps) (i32.const 1)) (local.get $step))))
      (call $combine (call $least (local.get $degree) (local.get $step)))
      (local.set $step (i32.add (local.get $step) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $step) (local.get $steps))))
    (local.get $delta))

  ;; g becomes (byG·g - byF·f)/x, f what g was if they swap, up to the coefficient `last` at least.
  (func $divide (param $last i32)
    (local $at i32) (local $end i32) (local $f v128) (local $g v128)
    (local.set $end (i32.shl (local.get $last) (i32.const 1)))
    (loop $next
      (local.set $f (v128.load offset=4098 (local.get $at)))
      (local.set $g (v128.load offset=6146 (local.get $at)))
      (v128.store offset=4096 (local.get $at) (v128.bitselect
        (v128.load offset=6144 (local.get $at)) (v128.load offset=4096 (local.get $at)) (global.get $swap)))
      (v128.store offset=6144 (local.get $at) (i16x8.sub
        (i16x8.sub
          (i16x8.mul (local.get $g) (global.get $byG))
          (i16x8.mul (local.get $f) (global.get $byF)))
        (i16x8.mul (global.get $m) (i16x8.sub
          (i16x8.q15mulr_sat_s (local.get $g) (global.get $byGOverM))
          (i16x8.q15mulr_sat_s (local.get $f) (global.get $byFOverM))))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.le_u (local.get $at) (local.get $end)))))

  ;; r becomes byG·r - byF·x·v, v what r was if they swap, else x·v, from the coefficient `last` down, since v moves up.
  (func $combine (param $last i32)
    (local $at i32) (local $v v128) (local $r v128)
    (local.set $at (i32.and (i32.shl (local.get $last) (i32.const 1)) (i32.const -16)))
    (loop $next
      (local.set $v (v128.load offset=8190 (local.get $at)))
      (local.set $r (v128.load offset=10240 (local.get $at)))
      (v128.store offset=8192 (local.get $at) (v128.bitselect (local.get $r) (local.get $v) (global.get $swap)))
      (v128.store offset=10240 (local.get $at) (i16x8.sub
        (i16x8.sub
          (i16x8.mul (local.get $r) (global.get $byG))
          (i16x8.mul (local.get $v) (global.get $byF)))
        (i16x8.mul (global.get $m) (i16x8.sub
          (i16x8.q15mulr_sat_s (local.get $r) (global.get $byGOverM))
          (i16x8.q15mulr_sat_s (local.get $v) (global.get $byFOverM))))))
      (local.set $at (i32.sub (local.get $at) (i32.const 16)))
      (br_if $next (i32.ge_s (local.get $at) (i32.const 0)))))

  ;; Puts the sums of a[i]·b[k-i] at 20480, for all k that have any, which is up to twice the degree.
  (func (export "convolve") (param $length i32)
    (local $k i32)
    (loop $next
      (i32.store offset=20480 (i32.shl (local.get $k) (i32.const 2))
        (call $dot (i32.shl (local.get $length) (i32.const 1))
          (i32.shl (i32.sub (i32.sub (i32.shl (local.get $length) (i32.const 1)) (i32.const 1)) (local.get $k)) (i32.const 1))))
      (local.set $k (i32.add (local.get $k) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $k) (i32.sub (i32.shl (local.get $length) (i32.const 1)) (i32.const 1))))))

  ;; The sum of the products of a and what lies this many bytes from 14336.
  (func $dot (param $end i32) (param $shift i32) (result i32)
    (local $at i32) (local $sums v128)
    (loop $next
      (local.set $sums (i32x4.add (local.get $sums) (i32x4.dot_i16x8_s
        (v128.load offset=12288 (local.get $at))
        (v128.load offset=14336 (i32.add (local.get $at) (local.get $shift))))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $sums)) (i32x4.extract_lane 1 (local.get $sums)))
      (i32.add (i32x4.extract_lane 2 (local.get $sums)) (i32x4.extract_lane 3 (local.get $sums)))))

  ;; x/m, rounded; a division of integers would take longer for some.
  (func $quotient (param $x i32) (param $m i32) (result i32)
    (i32.trunc_sat_f64_s (f64.nearest (f64.mul
      (f64.convert_i32_s (local.get $x))
      (f64.div (f64.const 1) (f64.convert_i32_s (local.get $m)))))))

  ;; The representative of x modulo m that lies nearest to 0.
  (func $centred (param $x i32) (param $m i32) (result i32)
    (i32.sub (local.get $x) (i32.mul (local.get $m) (call $quotient (local.get $x) (local.get $m)))))

  (func $least (param $a i32) (param $b i32) (result i32)
    (select (local.get $a) (local.get $b) (i32.lt_s (local.get $a) (local.get $b)))))

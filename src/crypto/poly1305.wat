;; Poly1305 (RFC 8439 §2.5) in 26-bit limbs with 64-bit products. One computation at a time; everything lives in the memory:
;;      0  key, 32 bytes: r, then the number that is added at the end
;;     32  r, 5 limbs of 32 bits
;;     64  h, 5 limbs of 32 bits
;;     96  tag, 16 bytes
;;    112  zeros
;;    128  powers of r, 5 vectors
;;    208  input
(module
  (memory (export "memory") 2)

  ;; Begins with the key at 0 (§2.5.1: r is clamped).
  (func (export "init")
    (i32.store (i32.const 32) (i32.and (i32.load (i32.const 0)) (i32.const 0x3ffffff)))
    (i32.store (i32.const 36)
      (i32.and (i32.shr_u (i32.load (i32.const 3)) (i32.const 2)) (i32.const 0x3ffff03)))
    (i32.store (i32.const 40)
      (i32.and (i32.shr_u (i32.load (i32.const 6)) (i32.const 4)) (i32.const 0x3ffc0ff)))
    (i32.store (i32.const 44)
      (i32.and (i32.shr_u (i32.load (i32.const 9)) (i32.const 6)) (i32.const 0x3f03fff)))
    (i32.store (i32.const 48)
      (i32.and (i32.shr_u (i32.load (i32.const 12)) (i32.const 8)) (i32.const 0x00fffff)))
    (i64.store (i32.const 64) (i64.const 0))
    (i64.store (i32.const 72) (i64.const 0))
    (i32.store (i32.const 80) (i32.const 0)))

  ;; h = (h + block) * r mod 2^130 - 5 for each block of 16 bytes from `at` to `end`. `high` is 2^24, the bit above a whole block
  ;; in the highest limb, or 0 for the last one, which has it among its bytes.
  (func $blocks (export "blocks") (param $at i32) (param $end i32) (param $high i64)
    (local $r0 i64) (local $r1 i64) (local $r2 i64) (local $r3 i64) (local $r4 i64)
    (local $s1 i64) (local $s2 i64) (local $s3 i64) (local $s4 i64)
    (local $h0 i64) (local $h1 i64) (local $h2 i64) (local $h3 i64) (local $h4 i64)
    (local $d0 i64) (local $d1 i64) (local $d2 i64) (local $d3 i64) (local $d4 i64)
    (local.set $r0 (i64.load32_u (i32.const 32)))
    (local.set $r1 (i64.load32_u (i32.const 36)))
    (local.set $r2 (i64.load32_u (i32.const 40)))
    (local.set $r3 (i64.load32_u (i32.const 44)))
    (local.set $r4 (i64.load32_u (i32.const 48)))
    (local.set $s1 (i64.mul (local.get $r1) (i64.const 5)))
    (local.set $s2 (i64.mul (local.get $r2) (i64.const 5)))
    (local.set $s3 (i64.mul (local.get $r3) (i64.const 5)))
    (local.set $s4 (i64.mul (local.get $r4) (i64.const 5)))
    (local.set $h0 (i64.load32_u (i32.const 64)))
    (local.set $h1 (i64.load32_u (i32.const 68)))
    (local.set $h2 (i64.load32_u (i32.const 72)))
    (local.set $h3 (i64.load32_u (i32.const 76)))
    (local.set $h4 (i64.load32_u (i32.const 80)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $h0 (i64.add (local.get $h0)
          (i64.and (i64.load32_u (local.get $at)) (i64.const 0x3ffffff))))
        (local.set $h1 (i64.add (local.get $h1)
          (i64.and (i64.shr_u (i64.load32_u offset=3 (local.get $at)) (i64.const 2)) (i64.const 0x3ffffff))))
        (local.set $h2 (i64.add (local.get $h2)
          (i64.and (i64.shr_u (i64.load32_u offset=6 (local.get $at)) (i64.const 4)) (i64.const 0x3ffffff))))
        (local.set $h3 (i64.add (local.get $h3)
          (i64.and (i64.shr_u (i64.load32_u offset=9 (local.get $at)) (i64.const 6)) (i64.const 0x3ffffff))))
        (local.set $h4 (i64.add (local.get $h4)
          (i64.or (i64.shr_u (i64.load32_u offset=12 (local.get $at)) (i64.const 8)) (local.get $high))))

        (local.set $d0
          (i64.add (i64.mul (local.get $h0) (local.get $r0))
          (i64.add (i64.mul (local.get $h1) (local.get $s4))
          (i64.add (i64.mul (local.get $h2) (local.get $s3))
          (i64.add (i64.mul (local.get $h3) (local.get $s2))
                   (i64.mul (local.get $h4) (local.get $s1)))))))
        (local.set $d1
          (i64.add (i64.mul (local.get $h0) (local.get $r1))
          (i64.add (i64.mul (local.get $h1) (local.get $r0))
          (i64.add (i64.mul (local.get $h2) (local.get $s4))
          (i64.add (i64.mul (local.get $h3) (local.get $s3))
                   (i64.mul (local.get $h4) (local.get $s2)))))))
        (local.set $d2
          (i64.add (i64.mul (local.get $h0) (local.get $r2))
          (i64.add (i64.mul (local.get $h1) (local.get $r1))
          (i64.add (i64.mul (local.get $h2) (local.get $r0))
          (i64.add (i64.mul (local.get $h3) (local.get $s4))
                   (i64.mul (local.get $h4) (local.get $s3)))))))
        (local.set $d3
          (i64.add (i64.mul (local.get $h0) (local.get $r3))
          (i64.add (i64.mul (local.get $h1) (local.get $r2))
          (i64.add (i64.mul (local.get $h2) (local.get $r1))
          (i64.add (i64.mul (local.get $h3) (local.get $r0))
                   (i64.mul (local.get $h4) (local.get $s4)))))))
        (local.set $d4
          (i64.add (i64.mul (local.get $h0) (local.get $r4))
          (i64.add (i64.mul (local.get $h1) (local.get $r3))
          (i64.add (i64.mul (local.get $h2) (local.get $r2))
          (i64.add (i64.mul (local.get $h3) (local.get $r1))
                   (i64.mul (local.get $h4) (local.get $r0)))))))

        (local.set $d1 (i64.add (local.get $d1) (i64.shr_u (local.get $d0) (i64.const 26))))
        (local.set $d2 (i64.add (local.get $d2) (i64.shr_u (local.get $d1) (i64.const 26))))
        (local.set $d3 (i64.add (local.get $d3) (i64.shr_u (local.get $d2) (i64.const 26))))
        (local.set $d4 (i64.add (local.get $d4) (i64.shr_u (local.get $d3) (i64.const 26))))
        (local.set $h0 (i64.add
          (i64.and (local.get $d0) (i64.const 0x3ffffff))
          (i64.mul (i64.shr_u (local.get $d4) (i64.const 26)) (i64.const 5))))
        (local.set $h1 (i64.add
          (i64.and (local.get $d1) (i64.const 0x3ffffff))
          (i64.shr_u (local.get $h0) (i64.const 26))))
        (local.set $h0 (i64.and (local.get $h0) (i64.const 0x3ffffff)))
        (local.set $h2 (i64.and (local.get $d2) (i64.const 0x3ffffff)))
        (local.set $h3 (i64.and (local.get $d3) (i64.const 0x3ffffff)))
        (local.set $h4 (i64.and (local.get $d4) (i64.const 0x3ffffff)))

        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
    (i64.store32 (i32.const 64) (local.get $h0))
    (i64.store32 (i32.const 68) (local.get $h1))
    (i64.store32 (i32.const 72) (local.get $h2))
    (i64.store32 (i32.const 76) (local.get $h3))
    (i64.store32 (i32.const 80) (local.get $h4)))

  ;; Puts the powers of r that `groups` needs at 128: for each limb a vector of r^4, r^3, r^2 and r. Leaves h as it is after `init`.
  (func (export "powers") (local $at i32)
    (i64.store (i32.const 64) (i64.load (i32.const 32)))
    (i64.store (i32.const 72) (i64.load (i32.const 40)))
    (i32.store (i32.const 80) (i32.load (i32.const 48)))
    (local.set $at (i32.const 140))
    (loop $lower
      (i32.store (local.get $at) (i32.load (i32.const 64)))
      (i32.store offset=16 (local.get $at) (i32.load (i32.const 68)))
      (i32.store offset=32 (local.get $at) (i32.load (i32.const 72)))
      (i32.store offset=48 (local.get $at) (i32.load (i32.const 76)))
      (i32.store offset=64 (local.get $at) (i32.load (i32.const 80)))
      ;; a block of zeros: h * r
      (call $blocks (i32.const 112) (i32.const 128) (i64.const 0))
      (local.set $at (i32.sub (local.get $at) (i32.const 4)))
      (br_if $lower (i32.ge_u (local.get $at) (i32.const 128))))
    (i64.store (i32.const 64) (i64.const 0))
    (i64.store (i32.const 72) (i64.const 0))
    (i32.store (i32.const 80) (i32.const 0)))

  ;; What `blocks` does, for groups of four whole blocks, of which there is one at least: four lanes, each of which is multiplied by r^4,
  ;; and in the last turn by r^4, r^3, r^2 and r, so that their sum is h. Blocks are added to lanes of 32 bits; products have 64, those of
  ;; the first two lanes are $d and those of the others $e.
  (func (export "groups") (param $at i32) (param $end i32)
    (local $mask26 v128) (local $mask v128) (local $t0 v128) (local $t1 v128)
    (local $r0 v128) (local $r1 v128) (local $r2 v128) (local $r3 v128) (local $r4 v128)
    (local $s1 v128) (local $s2 v128) (local $s3 v128) (local $s4 v128)
    (local $h0 v128) (local $h1 v128) (local $h2 v128) (local $h3 v128) (local $h4 v128)
    (local $d0 v128) (local $d1 v128) (local $d2 v128) (local $d3 v128) (local $d4 v128)
    (local $e0 v128) (local $e1 v128) (local $e2 v128) (local $e3 v128) (local $e4 v128)
    (local.set $mask26 (i32x4.splat (i32.const 0x3ffffff)))
    (local.set $mask (i64x2.splat (i64.const 0x3ffffff)))
    (local.set $r0 (v128.load32_splat (i32.const 128)))
    (local.set $r1 (v128.load32_splat (i32.const 144)))
    (local.set $r2 (v128.load32_splat (i32.const 160)))
    (local.set $r3 (v128.load32_splat (i32.const 176)))
    (local.set $r4 (v128.load32_splat (i32.const 192)))
    (local.set $s1 (i32x4.mul (local.get $r1) (i32x4.splat (i32.const 5))))
    (local.set $s2 (i32x4.mul (local.get $r2) (i32x4.splat (i32.const 5))))
    (local.set $s3 (i32x4.mul (local.get $r3) (i32x4.splat (i32.const 5))))
    (local.set $s4 (i32x4.mul (local.get $r4) (i32x4.splat (i32.const 5))))
    (local.set $h0 (v128.load32_zero (i32.const 64)))
    (local.set $h1 (v128.load32_zero (i32.const 68)))
    (local.set $h2 (v128.load32_zero (i32.const 72)))
    (local.set $h3 (v128.load32_zero (i32.const 76)))
    (local.set $h4 (v128.load32_zero (i32.const 80)))
    (loop $next
      (if (i32.eq (i32.add (local.get $at) (i32.const 64)) (local.get $end)) (then
        (local.set $r0 (v128.load (i32.const 128)))
        (local.set $r1 (v128.load (i32.const 144)))
        (local.set $r2 (v128.load (i32.const 160)))
        (local.set $r3 (v128.load (i32.const 176)))
        (local.set $r4 (v128.load (i32.const 192)))
        (local.set $s1 (i32x4.mul (local.get $r1) (i32x4.splat (i32.const 5))))
        (local.set $s2 (i32x4.mul (local.get $r2) (i32x4.splat (i32.const 5))))
        (local.set $s3 (i32x4.mul (local.get $r3) (i32x4.splat (i32.const 5))))
        (local.set $s4 (i32x4.mul (local.get $r4) (i32x4.splat (i32.const 5))))))
      ;; the words of the four blocks, turned so that a vector has the same word of all
      (local.set $e0 (v128.load offset=0 (local.get $at)))
      (local.set $e1 (v128.load offset=16 (local.get $at)))
      (local.set $e2 (v128.load offset=32 (local.get $at)))
      (local.set $e3 (v128.load offset=48 (local.get $at)))
      (local.set $t0 (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $e0) (local.get $e1)))
      (local.set $t1 (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $e2) (local.get $e3)))
      (local.set $d0 (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $e0) (local.get $e1)))
      (local.set $d1 (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $e2) (local.get $e3)))
      (local.set $e0 (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $t0) (local.get $t1)))
      (local.set $e1 (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $t0) (local.get $t1)))
      (local.set $e2 (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $d0) (local.get $d1)))
      (local.set $e3 (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $d0) (local.get $d1)))
      ;; their limbs
      (local.set $h0 (i32x4.add (local.get $h0) (v128.and (local.get $e0) (local.get $mask26))))
      (local.set $h1 (i32x4.add (local.get $h1) (v128.and (local.get $mask26)
        (v128.or (i32x4.shr_u (local.get $e0) (i32.const 26)) (i32x4.shl (local.get $e1) (i32.const 6))))))
      (local.set $h2 (i32x4.add (local.get $h2) (v128.and (local.get $mask26)
        (v128.or (i32x4.shr_u (local.get $e1) (i32.const 20)) (i32x4.shl (local.get $e2) (i32.const 12))))))
      (local.set $h3 (i32x4.add (local.get $h3) (v128.and (local.get $mask26)
        (v128.or (i32x4.shr_u (local.get $e2) (i32.const 14)) (i32x4.shl (local.get $e3) (i32.const 18))))))
      (local.set $h4 (i32x4.add (local.get $h4) (v128.or (i32x4.shr_u (local.get $e3) (i32.const 8)) (i32x4.splat (i32.const 0x1000000)))))

      (local.set $d0
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h0) (local.get $r0))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h1) (local.get $s4))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h2) (local.get $s3))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h3) (local.get $s2))
          (i64x2.extmul_low_i32x4_u (local.get $h4) (local.get $s1)))))))
      (local.set $d1
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h0) (local.get $r1))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h1) (local.get $r0))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h2) (local.get $s4))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h3) (local.get $s3))
          (i64x2.extmul_low_i32x4_u (local.get $h4) (local.get $s2)))))))
      (local.set $d2
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h0) (local.get $r2))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h1) (local.get $r1))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h2) (local.get $r0))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h3) (local.get $s4))
          (i64x2.extmul_low_i32x4_u (local.get $h4) (local.get $s3)))))))
      (local.set $d3
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h0) (local.get $r3))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h1) (local.get $r2))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h2) (local.get $r1))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h3) (local.get $r0))
          (i64x2.extmul_low_i32x4_u (local.get $h4) (local.get $s4)))))))
      (local.set $d4
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h0) (local.get $r4))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h1) (local.get $r3))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h2) (local.get $r2))
        (i64x2.add (i64x2.extmul_low_i32x4_u (local.get $h3) (local.get $r1))
          (i64x2.extmul_low_i32x4_u (local.get $h4) (local.get $r0)))))))
      (local.set $e0
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h0) (local.get $r0))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h1) (local.get $s4))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h2) (local.get $s3))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h3) (local.get $s2))
          (i64x2.extmul_high_i32x4_u (local.get $h4) (local.get $s1)))))))
      (local.set $e1
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h0) (local.get $r1))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h1) (local.get $r0))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h2) (local.get $s4))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h3) (local.get $s3))
          (i64x2.extmul_high_i32x4_u (local.get $h4) (local.get $s2)))))))
      (local.set $e2
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h0) (local.get $r2))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h1) (local.get $r1))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h2) (local.get $r0))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h3) (local.get $s4))
          (i64x2.extmul_high_i32x4_u (local.get $h4) (local.get $s3)))))))
      (local.set $e3
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h0) (local.get $r3))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h1) (local.get $r2))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h2) (local.get $r1))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h3) (local.get $r0))
          (i64x2.extmul_high_i32x4_u (local.get $h4) (local.get $s4)))))))
      (local.set $e4
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h0) (local.get $r4))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h1) (local.get $r3))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h2) (local.get $r2))
        (i64x2.add (i64x2.extmul_high_i32x4_u (local.get $h3) (local.get $r1))
          (i64x2.extmul_high_i32x4_u (local.get $h4) (local.get $r0)))))))

      ;; carries, up and once around; then lanes of 32 bits again
      (local.set $d1 (i64x2.add (local.get $d1) (i64x2.shr_u (local.get $d0) (i32.const 26))))
      (local.set $d2 (i64x2.add (local.get $d2) (i64x2.shr_u (local.get $d1) (i32.const 26))))
      (local.set $d3 (i64x2.add (local.get $d3) (i64x2.shr_u (local.get $d2) (i32.const 26))))
      (local.set $d4 (i64x2.add (local.get $d4) (i64x2.shr_u (local.get $d3) (i32.const 26))))
      (local.set $t0 (i64x2.shr_u (local.get $d4) (i32.const 26)))
      (local.set $d0 (i64x2.add (v128.and (local.get $d0) (local.get $mask)) (i64x2.add (local.get $t0) (i64x2.shl (local.get $t0) (i32.const 2)))))
      (local.set $d1 (i64x2.add (v128.and (local.get $d1) (local.get $mask)) (i64x2.shr_u (local.get $d0) (i32.const 26))))
      (local.set $e1 (i64x2.add (local.get $e1) (i64x2.shr_u (local.get $e0) (i32.const 26))))
      (local.set $e2 (i64x2.add (local.get $e2) (i64x2.shr_u (local.get $e1) (i32.const 26))))
      (local.set $e3 (i64x2.add (local.get $e3) (i64x2.shr_u (local.get $e2) (i32.const 26))))
      (local.set $e4 (i64x2.add (local.get $e4) (i64x2.shr_u (local.get $e3) (i32.const 26))))
      (local.set $t0 (i64x2.shr_u (local.get $e4) (i32.const 26)))
      (local.set $e0 (i64x2.add (v128.and (local.get $e0) (local.get $mask)) (i64x2.add (local.get $t0) (i64x2.shl (local.get $t0) (i32.const 2)))))
      (local.set $e1 (i64x2.add (v128.and (local.get $e1) (local.get $mask)) (i64x2.shr_u (local.get $e0) (i32.const 26))))
      (local.set $h0 (v128.and (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $d0) (local.get $e0)) (local.get $mask26)))
      (local.set $h1 (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $d1) (local.get $e1)))
      (local.set $h2 (v128.and (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $d2) (local.get $e2)) (local.get $mask26)))
      (local.set $h3 (v128.and (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $d3) (local.get $e3)) (local.get $mask26)))
      (local.set $h4 (v128.and (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $d4) (local.get $e4)) (local.get $mask26)))

      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    ;; the sum of the lanes; what is carried is left to `blocks` and `finish`
    (i32.store (i32.const 64) (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $h0)) (i32x4.extract_lane 1 (local.get $h0)))
      (i32.add (i32x4.extract_lane 2 (local.get $h0)) (i32x4.extract_lane 3 (local.get $h0)))))
    (i32.store (i32.const 68) (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $h1)) (i32x4.extract_lane 1 (local.get $h1)))
      (i32.add (i32x4.extract_lane 2 (local.get $h1)) (i32x4.extract_lane 3 (local.get $h1)))))
    (i32.store (i32.const 72) (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $h2)) (i32x4.extract_lane 1 (local.get $h2)))
      (i32.add (i32x4.extract_lane 2 (local.get $h2)) (i32x4.extract_lane 3 (local.get $h2)))))
    (i32.store (i32.const 76) (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $h3)) (i32x4.extract_lane 1 (local.get $h3)))
      (i32.add (i32x4.extract_lane 2 (local.get $h3)) (i32x4.extract_lane 3 (local.get $h3)))))
    (i32.store (i32.const 80) (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $h4)) (i32x4.extract_lane 1 (local.get $h4)))
      (i32.add (i32x4.extract_lane 2 (local.get $h4)) (i32x4.extract_lane 3 (local.get $h4))))))

  ;; Puts the tag at 96: h reduced whole, plus the second half of the key, modulo 2^128. Takes the same time for every h.
  (func (export "finish")
    (local $h0 i64) (local $h1 i64) (local $h2 i64) (local $h3 i64) (local $h4 i64)
    (local $g0 i64) (local $g1 i64) (local $g2 i64) (local $g3 i64) (local $g4 i64)
    (local $mask i64) (local $sum i64)
    (local.set $h0 (i64.load32_u (i32.const 64)))
    (local.set $h1 (i64.load32_u (i32.const 68)))
    (local.set $h2 (i64.load32_u (i32.const 72)))
    (local.set $h3 (i64.load32_u (i32.const 76)))
    (local.set $h4 (i64.load32_u (i32.const 80)))

    ;; carries, once around, and up again
    (local.set $h2 (i64.add (local.get $h2) (i64.shr_u (local.get $h1) (i64.const 26))))
    (local.set $h1 (i64.and (local.get $h1) (i64.const 0x3ffffff)))
    (local.set $h3 (i64.add (local.get $h3) (i64.shr_u (local.get $h2) (i64.const 26))))
    (local.set $h2 (i64.and (local.get $h2) (i64.const 0x3ffffff)))
    (local.set $h4 (i64.add (local.get $h4) (i64.shr_u (local.get $h3) (i64.const 26))))
    (local.set $h3 (i64.and (local.get $h3) (i64.const 0x3ffffff)))
    (local.set $h0 (i64.add (local.get $h0) (i64.mul (i64.shr_u (local.get $h4) (i64.const 26)) (i64.const 5))))
    (local.set $h4 (i64.and (local.get $h4) (i64.const 0x3ffffff)))
    (local.set $h1 (i64.add (local.get $h1) (i64.shr_u (local.get $h0) (i64.const 26))))
    (local.set $h0 (i64.and (local.get $h0) (i64.const 0x3ffffff)))

    (local.set $h2 (i64.add (local.get $h2) (i64.shr_u (local.get $h1) (i64.const 26))))
    (local.set $h1 (i64.and (local.get $h1) (i64.const 0x3ffffff)))
    (local.set $h3 (i64.add (local.get $h3) (i64.shr_u (local.get $h2) (i64.const 26))))
    (local.set $h2 (i64.and (local.get $h2) (i64.const 0x3ffffff)))
    (local.set $h4 (i64.add (local.get $h4) (i64.shr_u (local.get $h3) (i64.const 26))))
    (local.set $h3 (i64.and (local.get $h3) (i64.const 0x3ffffff)))

    ;; g = h + 5 - 2^130, which is h - p
    (local.set $g0 (i64.add (local.get $h0) (i64.const 5)))
    (local.set $g1 (i64.add (local.get $h1) (i64.shr_u (local.get $g0) (i64.const 26))))
    (local.set $g2 (i64.add (local.get $h2) (i64.shr_u (local.get $g1) (i64.const 26))))
    (local.set $g3 (i64.add (local.get $h3) (i64.shr_u (local.get $g2) (i64.const 26))))
    (local.set $g4 (i64.sub
      (i64.add (local.get $h4) (i64.shr_u (local.get $g3) (i64.const 26)))
      (i64.const 0x4000000)))

    ;; all ones where h is to be kept, which is where g is negative
    (local.set $mask (i64.shr_s (local.get $g4) (i64.const 63)))
    (local.set $h0 (call $either (local.get $mask) (local.get $h0) (local.get $g0)))
    (local.set $h1 (call $either (local.get $mask) (local.get $h1) (local.get $g1)))
    (local.set $h2 (call $either (local.get $mask) (local.get $h2) (local.get $g2)))
    (local.set $h3 (call $either (local.get $mask) (local.get $h3) (local.get $g3)))
    (local.set $h4 (call $either (local.get $mask) (local.get $h4) (local.get $g4)))

    ;; words of 32 bits, each plus its word of the key and the carry of the one before
    (local.set $sum (i64.add (i64.load32_u (i32.const 16))
      (call $word (i64.or (local.get $h0) (i64.shl (local.get $h1) (i64.const 26))))))
    (i64.store32 (i32.const 96) (local.get $sum))
    (local.set $sum (i64.add (i64.add (i64.load32_u (i32.const 20)) (i64.shr_u (local.get $sum) (i64.const 32)))
      (call $word (i64.or (i64.shr_u (local.get $h1) (i64.const 6)) (i64.shl (local.get $h2) (i64.const 20))))))
    (i64.store32 (i32.const 100) (local.get $sum))
    (local.set $sum (i64.add (i64.add (i64.load32_u (i32.const 24)) (i64.shr_u (local.get $sum) (i64.const 32)))
      (call $word (i64.or (i64.shr_u (local.get $h2) (i64.const 12)) (i64.shl (local.get $h3) (i64.const 14))))))
    (i64.store32 (i32.const 104) (local.get $sum))
    (local.set $sum (i64.add (i64.add (i64.load32_u (i32.const 28)) (i64.shr_u (local.get $sum) (i64.const 32)))
      (call $word (i64.or (i64.shr_u (local.get $h3) (i64.const 18)) (i64.shl (local.get $h4) (i64.const 8))))))
    (i64.store32 (i32.const 108) (local.get $sum)))

  ;; A limb of h where the mask is all ones, the 26 bits of one of g where it is all zeros.
  (func $either (param $mask i64) (param $h i64) (param $g i64) (result i64)
    (i64.or
      (i64.and (local.get $h) (local.get $mask))
      (i64.and
        (i64.and (local.get $g) (i64.const 0x3ffffff))
        (i64.xor (local.get $mask) (i64.const -1)))))

  (func $word (param $bits i64) (result i64)
    (i64.and (local.get $bits) (i64.const 0xffffffff))))

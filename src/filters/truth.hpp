// SQL's three values, as far as they are known.
#pragma once

#include <cstdint>

namespace pulse::filters {

// What a condition's outcome may be. A value that is not in the event leaves all three open; an
// unknown outcome (a comparison with NULL) is known to be that. So an AND with one part that is
// NULL cannot come true, whatever the absent part is, and its NOT still can: SQL's own logic, for
// each value that the absent one may have.
class truth {
 public:
  static constexpr truth no() { return truth(1); }
  static constexpr truth unknown() { return truth(2); }
  static constexpr truth yes() { return truth(4); }
  static constexpr truth open() { return truth(7); }
  static constexpr truth of(bool holds) { return holds ? yes() : no(); }

  constexpr bool may_be(truth one) const { return (outcomes_ & one.outcomes_) != 0; }
  constexpr bool operator==(const truth&) const = default;

  constexpr truth operator!() const {
    return truth((outcomes_ & 2U) | (may_be(no()) ? 4U : 0U) | (may_be(yes()) ? 1U : 0U));
  }
  // The least of both parts' outcomes, for all that they may be.
  constexpr truth operator&&(truth other) const {
    std::uint32_t all = (outcomes_ | other.outcomes_) & 1U;
    if (may_be(yes()) && other.may_be(yes())) all |= 4U;
    const auto not_no = truth(6);
    if ((may_be(unknown()) && other.may_be(not_no)) || (other.may_be(unknown()) && may_be(not_no)))
      all |= 2U;
    return truth(all);
  }
  constexpr truth operator||(truth other) const { return !(!*this && !other); }

 private:
  constexpr explicit truth(std::uint32_t outcomes) : outcomes_(outcomes) {}
  std::uint32_t outcomes_;
};

}  // namespace pulse::filters

#include "filters/filter.hpp"

#include <utility>

namespace pulse::filters {
namespace {

using strictness = filter_compiler::strictness;

result<filter::kinds> compile_kinds(filter_compiler& compile,
                                    const requests::wanted_events& wanted) {
  filter::kinds made;
  if (wanted.create) {
    auto test = compile.compile(*wanted.create, "create", row_side::new_row);
    if (!test) return test.error();
    made.create = std::move(*test);
  }
  if (wanted.update_after) {
    auto test = compile.compile(*wanted.update_after, "update.after", row_side::new_row);
    if (!test) return test.error();
    made.update = std::move(*test);
  }
  if (wanted.update_before) {
    auto test = compile.compile(*wanted.update_before, "update.before", row_side::old_row);
    if (!test) return test.error();
    predicate both;
    if (made.update) both.children.push_back(std::move(*made.update));
    both.children.push_back(std::move(*test));
    made.update = std::move(both);
  }
  if (wanted.remove) {
    auto test = compile.compile(*wanted.remove, "delete", row_side::old_row);
    if (!test) return test.error();
    made.remove = std::move(*test);
  }
  return made;
}

}  // namespace

const predicate* filter::test_of(change_action action) const {
  const auto of = [](const std::optional<predicate>& test) { return test ? &*test : nullptr; };
  switch (action) {
    case change_action::create:
      return of(tests_.create);
    case change_action::update:
      return of(tests_.update);
    case change_action::remove:
      return of(tests_.remove);
    case change_action::truncate:
      break;
  }
  return nullptr;
}

filter::filter(kinds tests, std::string left_open)
    : tests_(std::move(tests)), left_open_(std::move(left_open)) {
  for (auto* test : {&tests_.create, &tests_.update, &tests_.remove}) {
    if (*test) conditions_ += number_conditions(**test, conditions_);
  }
}

filter_verdict filter::judge(const event_view& event) const {
  event_values values(event);
  judging at_once{&values};
  return judge(event, at_once).value_or(filter_verdict::undecided);
}

std::optional<filter_verdict> filter::judge(const event_view& event, judging& how) const {
  if (event.action == change_action::truncate) return filter_verdict::yes;
  const auto* test = test_of(event.action);
  if (test == nullptr) return filter_verdict::no;
  how.unfinished = false;
  const auto outcome = evaluate(*test, how);
  if (how.unfinished) return std::nullopt;
  if (!outcome.may_be(truth::yes())) return filter_verdict::no;
  return outcome == truth::yes() ? filter_verdict::yes : filter_verdict::undecided;
}

result<std::shared_ptr<const filter>> compile_filter(const requests::wanted_events& wanted,
                                                     const requests::model& wanted_model,
                                                     filter_table table) {
  filter_compiler compile(wanted_model, table, strictness::opening);
  auto made = compile_kinds(compile, wanted);
  if (!made) return made.error();
  return std::make_shared<const filter>(std::move(*made), std::string());
}

std::shared_ptr<const filter> follow_filter(const requests::wanted_events& wanted,
                                            const requests::model& wanted_model,
                                            filter_table table) {
  filter_compiler compile(wanted_model, table, strictness::following);
  auto made = compile_kinds(compile, wanted);
  if (made) return std::make_shared<const filter>(std::move(*made), compile.left_open());
  // Opening has refused what is malformed: whatever is wrong now must not lose events.
  filter::kinds open;
  if (wanted.create) open.create = open_predicate();
  if (wanted.update_after || wanted.update_before) open.update = open_predicate();
  if (wanted.remove) open.remove = open_predicate();
  return std::make_shared<const filter>(std::move(open), made.error().what);
}

}  // namespace pulse::filters

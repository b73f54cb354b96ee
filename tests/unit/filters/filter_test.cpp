#include "filters/filter.hpp"

#include "tests/unit/filters/filter_cases.hpp"

namespace pulse::filters {
namespace {

namespace json = boost::json;

constexpr const char* unchanged = "\x01 unchanged";
constexpr const char* null = "\x01 null";

std::string row(const std::vector<std::string>& values) {
  std::string tuple;
  append_big(tuple, static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    tuple += value == null ? 'n' : value == unchanged ? 'u' : 't';
    if (value == null || value == unchanged) continue;
    append_big(tuple, static_cast<std::uint32_t>(value.size()));
    tuple += value;
  }
  return tuple;
}

struct change {
  change_action action = change_action::create;
  old_row_kind before_kind = old_row_kind::none;
  std::string before = {};
  std::string after = {};
};

// id (the key), name, big; `lost` is a field whose column the table does not have.
class filters : public ::testing::Test {
 protected:
  filters() {
    table_.table = {"public", "people"};
    table_.columns = {testing::column_of("id", 23, true), testing::column_of("name", 25),
                      testing::column_of("big", 25)};
    model_ = testing::model_of(table_);
    model_.fields.push_back({"lost", "lost", "String", false, nullptr});
  }

  filter_verdict judge(const requests::wanted_events& wanted, const change& one) const {
    const auto compiled = follow_filter(wanted, model_, {&table_, nullptr});
    event_view event;
    event.action = one.action;
    event.before_kind = one.before_kind;
    if (!one.before.empty()) event.before = tuple_view::trusted(as_byte_view(one.before));
    if (!one.after.empty()) event.after = tuple_view::trusted(as_byte_view(one.after));
    return compiled->judge(event);
  }
  filter_verdict judge(const char* condition, const change& one) const {
    requests::wanted_events wanted;
    wanted.create = json::parse(condition).as_object();
    wanted.update_after = wanted.create;
    wanted.remove = wanted.create;
    return judge(wanted, one);
  }
  filter_verdict judge_before(const char* condition, const change& one) const {
    requests::wanted_events wanted;
    wanted.update_after.emplace();
    wanted.update_before = json::parse(condition).as_object();
    return judge(wanted, one);
  }
  error refused(const requests::wanted_events& wanted) const {
    const auto compiled = compile_filter(wanted, model_, {&table_, nullptr});
    return compiled ? error{} : compiled.error();
  }

  relation table_;
  requests::model model_;
};

TEST_F(filters, combine_with_sqls_three_values) {
  const change ada{change_action::create, {}, {}, row({"1", "Ada", null})};
  for (const auto* yes :
       {"{}", R"({"name":"Ada"})", R"({"id":1})", R"({"big":null})",
        R"({"OR":[{"name":"Eda"},{"id":1}]})", R"({"AND":[{"name":"Ada"},{"id":1}]})",
        R"({"AND":{"name":"Ada"}})", R"({"NOT":{"name":"Eda"}})", R"({"NOT":{"big":null,"id":2}})",
        R"({"NOT":{"NOT":{"id":1}}})", R"({"NOT":{"big":"x","id":2}})",
        R"({"OR":[{"big":"x"},{"id":1}]})"}) {
    EXPECT_EQ(judge(yes, ada), filter_verdict::yes) << yes;
  }
  for (const auto* no : {R"({"name":"ada"})", R"({"id":2})", R"({"name":null})", R"({"big":"x"})",
                         R"({"NOT":{"big":"x"}})", R"({"name":"Ada","id":2})",
                         R"({"NOT":{"big":"x","id":1}})", R"({"NOT":[{"name":"Eda"},{"id":1}]})"}) {
    EXPECT_EQ(judge(no, ada), filter_verdict::no) << no;
  }
}

// As the SQL that Prisma 6.19 sends: what is empty is no condition, but an OR of nothing at the
// top.
TEST_F(filters, what_is_empty_is_no_condition) {
  const change ada{change_action::create, {}, {}, row({"1", "Ada", null})};
  for (const auto* yes :
       {R"({"AND":[]})", R"({"NOT":[]})", R"({"NOT":{}})", R"({"AND":{}})", R"({"AND":[{},{}]})",
        R"({"AND":[{"OR":[]}]})", R"({"NOT":{"OR":[]}})", R"({"NOT":[{"OR":[]}]})",
        R"({"NOT":{"id":{}}})", R"({"NOT":{"name":"Eda","OR":[]}})", R"({"OR":[{},{"id":1}]})",
        R"({"AND":[{"id":1},{"OR":[]}]})"}) {
    EXPECT_EQ(judge(yes, ada), filter_verdict::yes) << yes;
  }
  for (const auto* no :
       {R"({"OR":[]})", R"({"OR":[{}]})", R"({"OR":[{"OR":[]}]})", R"({"id":1,"OR":[]})",
        R"({"OR":[{},{"id":2}]})", R"({"OR":[{"id":{}}]})"}) {
    EXPECT_EQ(judge(no, ada), filter_verdict::no) << no;
  }
}

TEST_F(filters, a_value_that_is_not_in_the_event_leaves_them_undecided) {
  const change toast{change_action::update, {}, {}, row({"1", null, unchanged})};
  EXPECT_EQ(judge(R"({"big":"x"})", toast), filter_verdict::undecided);
  EXPECT_EQ(judge(R"({"NOT":{"big":"x"}})", toast), filter_verdict::undecided);
  EXPECT_EQ(judge(R"({"big":"x","id":2})", toast), filter_verdict::no);
  EXPECT_EQ(judge(R"({"OR":[{"big":"x"},{"id":1}]})", toast), filter_verdict::yes);
  // With NULL an AND cannot come true any more, and its NOT still can.
  EXPECT_EQ(judge(R"({"big":"x","name":"Ada"})", toast), filter_verdict::no);
  EXPECT_EQ(judge(R"({"NOT":{"big":"x","name":"Ada"}})", toast), filter_verdict::undecided);
  EXPECT_EQ(judge(R"({"lost":"x"})", toast), filter_verdict::undecided);
  EXPECT_EQ(judge(R"({"lost":"x","id":2})", toast), filter_verdict::no);
}

TEST_F(filters, find_a_large_value_in_the_old_row) {
  const change full{change_action::update, old_row_kind::full, row({"1", "Ada", "large"}),
                    row({"1", "Eda", unchanged})};
  EXPECT_EQ(judge(R"({"big":"large","name":"Eda"})", full), filter_verdict::yes);
}

TEST_F(filters, judge_the_old_row_of_an_update) {
  const change full{change_action::update, old_row_kind::full, row({"1", "Ada", "x"}),
                    row({"1", "Eda", "x"})};
  EXPECT_EQ(judge_before(R"({"name":"Ada"})", full), filter_verdict::yes);
  EXPECT_EQ(judge_before(R"({"name":"Eda"})", full), filter_verdict::no);
  // The key is not sent when it stays what it was.
  const change same_key{change_action::update, old_row_kind::none, {}, row({"1", "Eda", "x"})};
  EXPECT_EQ(judge_before(R"({"id":1})", same_key), filter_verdict::yes);
  EXPECT_EQ(judge_before(R"({"name":"Eda"})", same_key), filter_verdict::undecided);
  const change new_key{change_action::update, old_row_kind::key, row({"7", null, null}),
                       row({"1", "Eda", "x"})};
  EXPECT_EQ(judge_before(R"({"id":7})", new_key), filter_verdict::yes);
  EXPECT_EQ(judge_before(R"({"id":1})", new_key), filter_verdict::no);
  requests::wanted_events both;
  both.update_after = json::parse(R"({"name":"Eda"})").as_object();
  both.update_before = json::parse(R"({"name":"Ada"})").as_object();
  EXPECT_EQ(judge(both, full), filter_verdict::yes);
  both.update_after = json::parse(R"({"name":"Ada"})").as_object();
  EXPECT_EQ(judge(both, full), filter_verdict::no);
}

TEST_F(filters, judge_the_key_of_a_delete) {
  const change gone{change_action::remove, old_row_kind::key, row({"1", null, null}), {}};
  EXPECT_EQ(judge(R"({"id":1})", gone), filter_verdict::yes);
  EXPECT_EQ(judge(R"({"id":2})", gone), filter_verdict::no);
  EXPECT_EQ(judge(R"({"name":null})", gone), filter_verdict::undecided);
}

TEST_F(filters, kinds_that_are_not_wanted_do_not_come) {
  requests::wanted_events wanted;
  wanted.create.emplace();
  EXPECT_EQ(judge(wanted, {change_action::create, {}, {}, row({"1", "a", "b"})}),
            filter_verdict::yes);
  EXPECT_EQ(judge(wanted, {change_action::remove, old_row_kind::key, row({"1", null, null}), {}}),
            filter_verdict::no);
}

TEST_F(filters, old_values_that_are_never_sent_are_refused_with_the_sql_that_mends_it) {
  requests::wanted_events wanted;
  wanted.remove = json::parse(R"({"OR":[{"id":1},{"name":"x"}]})").as_object();
  EXPECT_TRUE(refused(wanted).what.starts_with("delete.OR[1].name: "));
  EXPECT_EQ(refused(wanted).next, R"(ALTER TABLE "public"."people" REPLICA IDENTITY FULL)");
  wanted.remove = json::parse(R"({"id":1})").as_object();
  EXPECT_EQ(refused(wanted).what, "");
  wanted.update_before = json::parse(R"({"name":"x"})").as_object();
  EXPECT_TRUE(refused(wanted).what.starts_with("update.before.name: "));
  for (auto& one : table_.columns) one.in_identity = true;
  EXPECT_EQ(refused(wanted).what, "");
}

TEST_F(filters, what_cannot_be_is_refused_by_field) {
  const auto says = [&](const char* condition) {
    requests::wanted_events wanted;
    wanted.create = json::parse(condition).as_object();
    return refused(wanted).what;
  };
  EXPECT_TRUE(says(R"({"nome":"x"})").starts_with("create.nome: the model Row has no"));
  EXPECT_TRUE(says(R"({"AND":[{"lost":"x"}]})").starts_with("create.AND[0].lost: the table"));
  EXPECT_TRUE(says(R"({"OR":{"name":"x"}})").starts_with("create.OR is not an array"));
  EXPECT_TRUE(says(R"({"NOT":5})").starts_with("create.NOT is not a filter object"));
}

TEST_F(filters, what_no_longer_fits_is_left_open_and_said) {
  requests::wanted_events wanted;
  wanted.create = json::parse(R"({"lost":"x","id":1})").as_object();
  const auto followed = follow_filter(wanted, model_, {&table_, nullptr});
  EXPECT_NE(followed->left_open().find("lost"), std::string::npos);
  wanted.create = json::parse(R"({"id":1})").as_object();
  EXPECT_EQ(follow_filter(wanted, model_, {&table_, nullptr})->left_open(), "");
}

}  // namespace
}  // namespace pulse::filters

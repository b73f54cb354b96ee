#include "capture/composite_shapes.hpp"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pulse::capture {
namespace {

constexpr std::uint32_t address_oid = 16400;
constexpr std::uint32_t text_type = 25;

std::vector<type_attribute> named(const std::vector<std::string>& names) {
  std::vector<type_attribute> attributes;
  for (const auto& name : names) attributes.push_back({name, text_type, -1});
  return attributes;
}

type_catalog types_with(const std::vector<std::string>& names, std::uint64_t since = 0) {
  type_catalog types;
  type_entry entry{address_oid, "public", "address", 'c'};
  entry.attributes = named(names);
  entry.since = lsn{since};
  types.put(entry);
  return types;
}

ddl_message saying(const std::vector<std::string>& names) {
  ddl_message message;
  message.composites[address_oid] = named(names);
  return message;
}

class shapes_of_composites : public ::testing::Test {
 protected:
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& one : shapes_.types().find(address_oid)->attributes) found.push_back(one.name);
    return found;
  }

  using list = std::vector<std::string>;
  composite_shapes shapes_;
  const type_catalog street_ = types_with({"street", "city"});
  const type_catalog zip_ = types_with({"city", "zip"}, 300);
  const type_catalog code_ = types_with({"city", "code"}, 500);
};

TEST_F(shapes_of_composites, a_catalog_that_is_ahead_does_not_name_what_was_written_before) {
  shapes_.rely_on_messages(lsn{});
  shapes_.use(street_);
  shapes_.reach(lsn{100});
  // Altered twice, at 200 and at 400, and read when both had been.
  EXPECT_FALSE(shapes_.use(code_)) << "nothing of it holds yet";
  EXPECT_EQ(names(), (list{"street", "city"}));
  EXPECT_FALSE(shapes_.reach(lsn{200}));
  EXPECT_TRUE(shapes_.said(saying({"city", "zip"})));
  EXPECT_FALSE(shapes_.reach(lsn{300}));
  EXPECT_EQ(names(), (list{"city", "zip"}));
  EXPECT_FALSE(shapes_.reach(lsn{400}));
  EXPECT_TRUE(shapes_.said(saying({"city", "code"})));
  EXPECT_EQ(names(), (list{"city", "code"}));
  EXPECT_FALSE(shapes_.reach(lsn{600}));
  EXPECT_EQ(names(), (list{"city", "code"}));
}

TEST_F(shapes_of_composites, a_message_holds_against_a_catalog_that_is_behind) {
  shapes_.rely_on_messages(lsn{});
  shapes_.use(zip_);
  shapes_.reach(lsn{400});
  EXPECT_EQ(names(), (list{"city", "zip"}));
  EXPECT_TRUE(shapes_.said(saying({"city", "code"})));
  shapes_.reach(lsn{450});
  EXPECT_EQ(names(), (list{"city", "code"}));
}

TEST_F(shapes_of_composites, without_messages_what_is_between_two_readings_is_not_known) {
  shapes_.use(street_);
  shapes_.reach(lsn{100});
  EXPECT_TRUE(shapes_.use(zip_));
  EXPECT_EQ(names(), list{}) << "altered somewhere before 300";
  EXPECT_FALSE(shapes_.reach(lsn{299}));
  EXPECT_TRUE(shapes_.reach(lsn{300}));
  EXPECT_EQ(names(), (list{"city", "zip"}));
}

TEST_F(shapes_of_composites, what_an_earlier_run_had_read_ahead_of_its_log_is_not_known) {
  shapes_.rely_on_messages(lsn{});
  shapes_.reach(lsn{100});
  shapes_.use(zip_);
  EXPECT_EQ(names(), list{});
  shapes_.use(code_);
  EXPECT_EQ(names(), list{});
  shapes_.reach(lsn{200});
  EXPECT_TRUE(shapes_.said(saying({"city", "zip"})));
  EXPECT_EQ(names(), (list{"city", "zip"}));
}

TEST_F(shapes_of_composites, a_message_that_does_not_come_is_made_up_for_by_the_catalog) {
  shapes_.rely_on_messages(lsn{});
  shapes_.use(street_);
  shapes_.use(zip_);
  EXPECT_EQ(names(), (list{"street", "city"}));
  EXPECT_TRUE(shapes_.reach(lsn{300}));
  EXPECT_EQ(names(), (list{"city", "zip"}));
}

TEST_F(shapes_of_composites, what_a_message_or_an_earlier_catalog_has_told_does_not_come_again) {
  shapes_.rely_on_messages(lsn{});
  shapes_.use(street_);
  shapes_.use(zip_);
  shapes_.reach(lsn{300});
  // As an earlier run has read them, which had come behind that place.
  const auto zip_of_old = types_with({"city", "zip"});
  EXPECT_FALSE(shapes_.use(zip_of_old));
  EXPECT_EQ(names(), (list{"city", "zip"}));
}

TEST_F(shapes_of_composites, a_catalog_that_was_read_where_the_stream_is_holds_at_once) {
  shapes_.rely_on_messages(lsn{});
  shapes_.reach(lsn{300});
  shapes_.use(street_);
  EXPECT_TRUE(shapes_.use(zip_));
  EXPECT_EQ(names(), (list{"city", "zip"}));
  shapes_.reach(lsn{400});
  EXPECT_EQ(names(), (list{"city", "zip"}));
}

TEST_F(shapes_of_composites, what_is_before_the_messages_began_is_not_known) {
  shapes_.rely_on_messages(lsn{200});
  shapes_.reach(lsn{100});
  shapes_.use(street_);
  EXPECT_TRUE(shapes_.use(zip_));
  EXPECT_EQ(names(), list{}) << "altered somewhere before 300, perhaps before 200";
  shapes_.reach(lsn{250});
  EXPECT_EQ(names(), list{});
  EXPECT_TRUE(shapes_.said(saying({"street", "zip"})));
  EXPECT_EQ(names(), (list{"street", "zip"}));
  EXPECT_TRUE(shapes_.reach(lsn{300}));
  EXPECT_EQ(names(), (list{"city", "zip"}));
}

TEST_F(shapes_of_composites, what_was_told_before_messages_stopped_is_not_known_until_the_catalog) {
  for (const auto& again : {std::optional<lsn>(), std::optional<lsn>(lsn{250})}) {
    composite_shapes shapes;
    shapes.rely_on_messages(lsn{});
    shapes.use(street_);
    shapes.reach(lsn{100});
    shapes.said(saying({"road", "city"}));
    shapes.rely_on_messages(again);
    shapes.use(zip_);
    EXPECT_TRUE(shapes.types().find(address_oid)->attributes.empty());
    shapes.reach(lsn{300});
    EXPECT_EQ(shapes.types().find(address_oid)->attributes, named({"city", "zip"}));
  }
}

TEST_F(shapes_of_composites, a_type_that_there_was_no_room_for_is_not_known) {
  shapes_.use(street_);
  shapes_.reach(lsn{100});
  ddl_message message;
  message.composites[address_oid] = std::nullopt;
  EXPECT_TRUE(shapes_.said(message));
  EXPECT_EQ(names(), list{});
  shapes_.use(zip_);
  EXPECT_TRUE(shapes_.reach(lsn{300}));
  EXPECT_EQ(names(), (list{"city", "zip"}));
}

TEST_F(shapes_of_composites, a_type_that_there_was_no_room_for_is_known_when_it_is_read_as_it_was) {
  for (const bool more : {false, true}) {
    composite_shapes shapes;
    const auto attributes = [&] { return shapes.types().find(address_oid)->attributes; };
    shapes.rely_on_messages(lsn{});
    shapes.use(street_);
    shapes.reach(lsn{100});
    ddl_message message;
    message.more_composites = more;
    if (!more) message.composites[address_oid] = std::nullopt;
    EXPECT_FALSE(shapes.awaits_reading());
    EXPECT_TRUE(shapes.said(message));
    EXPECT_TRUE(shapes.awaits_reading());
    EXPECT_FALSE(shapes.use(street_));
    EXPECT_FALSE(shapes.read(lsn{200}));
    EXPECT_FALSE(shapes.awaits_reading());
    EXPECT_FALSE(shapes.reach(lsn{150}));
    EXPECT_TRUE(attributes().empty()) << "it may have been altered and altered back";
    EXPECT_TRUE(shapes.reach(lsn{200}));
    EXPECT_EQ(attributes(), named({"street", "city"}));
  }
}

TEST_F(shapes_of_composites, what_a_message_says_holds_though_others_are_not_known) {
  shapes_.use(street_);
  shapes_.reach(lsn{100});
  auto message = saying({"city", "zip"});
  message.more_composites = true;
  EXPECT_TRUE(shapes_.said(message));
  shapes_.read(lsn{200});
  shapes_.reach(lsn{200});
  EXPECT_EQ(names(), (list{"city", "zip"}));
}

TEST_F(shapes_of_composites, of_another_database_nothing_is_known) {
  shapes_.rely_on_messages(lsn{});
  shapes_.use(street_);
  shapes_.said(saying({"city", "zip"}));
  shapes_.forget();
  shapes_.use(street_);
  EXPECT_EQ(names(), (list{"street", "city"}));
}

}  // namespace
}  // namespace pulse::capture

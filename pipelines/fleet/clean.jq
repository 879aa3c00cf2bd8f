# One flat object under names with their units.  Without a fix there is no place
# to show; a scale that swings below zero weighs nothing.
{
  wagon,
  reading: .n,
  latitude: .lat,
  longitude: .lon,
  speed_kmh,
  brake_c,
  load_t: (if .load_t < 0 then 0 else .load_t end),
  located: (.lat != null),
  hot: (.brake_c >= 120)
}

# Mean temperature in place of the extremes; a day without rain says so.
{
  date,
  mean_c: (((.temp_max + .temp_min) / 2 * 10 | round) / 10),
  rain_mm: .precipitation,
  dry: (.precipitation == 0),
  wind_ms: .wind,
  weather
}

